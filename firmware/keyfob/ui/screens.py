"""What to say in each state, as a table.

A line names the members it needs in braces; a line whose member is unknown is left out.
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
