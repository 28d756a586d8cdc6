"""A link that shows what happens to it on the board's own panel, and obeys its button."""

from keyfob.compat import Loaded
from keyfob.ui.front import Front


class LinkFront(Front):
    """The Front of a link in a program that has no App."""

    def __init__(self, parts):
        """Show on `parts`, as keyfob.ui.board opens them, that the program starts."""
        Front.__init__(self, emit=_say_nothing)
        self._parts = parts
        # Where nobody sees or presses anything, the program decides what to do about an end.
        self.asks_first = parts[1] is not None or hasattr(parts[0], "fill")
        self._tasks = []
        self._open_parts(None)
        self._screens.show("starting", {})

    def speak(self, language):
        """Set the language of the screens; None leaves it."""
        self._screens.language = language or self._screens.language

    def begin(self, link):
        """Look after the parts until `end`."""
        self.link = link
        self._open_parts(self._tasks)
        self._screens.show("wifi", {})

    def end(self, error):
        """Leave the parts as they are; an `error` that ends the program is shown first."""
        while self._tasks:
            self._tasks.pop().cancel()
        if isinstance(error, Exception):
            with Loaded("keyfob.ui.raised") as code:
                self.tell(code.with_place(error))

    def tell(self, error):
        """Show an error that ends the program."""
        self._screens.show("error", error.members(True))

    async def get_linked(self):
        """Link, where that may help again and again; return the account's name.

        After an end that the screen tells, a board with a button waits for a press.
        """
        link = self.link
        if not (link.is_linked and self._screens.link):  # else a screen has told of it
            waits = self._button is not None and self._screens.press == "link"
            await self._get_linked(_Plain(link), waits)
        return link.account


def _say_nothing(event, members):
    """Print nothing: the serial port is the program's."""


def shown(kind):
    """Return the class of links that are as those of the class `kind`, and have a `front`."""
    return type("Shown", (_Shown, kind), {"kind": kind})


class _Shown:
    async def __aenter__(self):
        self.front.begin(self)
        try:
            return await self.kind.__aenter__(self)
        except Exception as error:
            self.front.end(error)
            raise

    async def __aexit__(self, *error):
        self.front.end(error[1])
        await self.kind.__aexit__(self, *error)

    async def ensure_linked(self):
        return await self.front.get_linked()

    def show(self, name, value=None, *lines):
        self.front.show(name, value, *lines)


class _Plain:
    """A link as it is without its front, for `Front` to link."""

    def __init__(self, link):
        self._link = link

    @property
    def is_linked(self):
        return self._link.is_linked

    async def ensure_linked(self):
        await self._link.kind.ensure_linked(self._link)
