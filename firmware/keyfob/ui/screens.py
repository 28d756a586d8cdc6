"""What to say in each state, and which event brings the state about.

A line names the member it needs in braces; a line whose member is unknown is left out.
Nothing here but the user code of a living attempt is worth hiding, and the screen after
it replaces it (RFC 8628 section 5.5).
"""

_SCREENS = {
    "starting": ("Starting",),
    "wifi": ("Joining Wi-Fi",),
    "user_code": (
        "Link this device",
        "Open  {verification_uri}",
        "Code  {user_code}",
        "Check that the page shows this code. Only continue if you hold this device.",
    ),
    "offline": (
        "Trying to reach the provider",
        "{trouble}",
        "Open  {verification_uri}",
        "Code  {user_code}",
    ),
    "linked": ("Linked", "Account  {account}"),
    "denied": ("Refused on the phone", "Restart the device for a new code"),
    "expired": ("The code ran out", "Restart the device for a new code"),
    "sign_in_again": ("Sign-in needed again", "Restart the device for a new code"),
    "unlinked": ("No longer linked",),
    "error": ("Something is wrong", "{message}", "{hint}"),
}

# The screen that an event brings up. Events that are not here leave the screen alone.
_SCREEN_OF = {
    "user_code": "user_code",
    "linked": "linked",
    "denied": "denied",
    "expired": "expired",
    "signed_out": "sign_in_again",
    "unlinked": "unlinked",
    "error": "error",
}


class Screens:
    """Keeps `display` in step with a link: give its `notify` to an AccountLink.

    A display has `show(lines)`. `shown(name)` is called after each new screen.
    """

    def __init__(self, display, shown=None):
        self._display = display
        self._shown = shown
        self._name = None
        self._code = None  # the members of user_code while the attempt lives

    def notify(self, event, members):
        """Show what happened, if it changes what the person should see."""
        name = _SCREEN_OF.get(event)
        if event == "poll":
            name, members = self._waiting(members)
        elif event == "error" and (not members["fatal"] or self._name == "sign_in_again"):
            name = None  # what goes on, or what the screen already says better
        if name is not None:
            self.show(name, members)

    def show(self, name, members):
        """Bring up a screen, filled in from `members`."""
        self._name = name
        if name == "user_code":
            self._code = members
        elif name != "offline":
            self._code = None
        self._display.show(lines(name, members))
        if self._shown is not None:
            self._shown(name)

    def _waiting(self, members):
        """The screen and its members while polls go through, or do not."""
        result = members["result"]
        if result == "retry" and self._name == "user_code":
            return "offline", dict(self._code, trouble=members["trouble"])
        if result in ("pending", "slow_down") and self._name == "offline":
            return "user_code", self._code
        return None, members


def lines(name, members):
    """Return the lines of the screen `name`, filled in from `members`."""
    shown = []
    for line in _SCREENS[name]:
        member = line.partition("{")[2].partition("}")[0]
        if not member:
            shown.append(line)
        elif members.get(member):
            shown.append(line.replace("{%s}" % member, str(members[member])))
    return shown
