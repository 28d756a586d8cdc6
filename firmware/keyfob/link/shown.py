"""A link that shows what happens to it on the board's own panel, and obeys its button."""

from keyfob.compat import Loaded
from keyfob.ui.front import Front


def open_front(parts):
    """Return a Front that shows on `parts`, as keyfob.ui.board opens them."""
    front = Front(emit=_say_nothing)
    front._parts = parts
    # Where nobody sees or presses anything, the program decides what to do about an end.
    front.asks_first = parts[1] is not None or hasattr(parts[0], "fill")
    front._open_parts(None)
    front._screens.show("starting", {})
    return front


def show_error(front, error):
    """Show an error that ends the program."""
    front._screens.show("error", error.members(True))


def shown(kind, front, language):
    """Return the class of links that are as those of the class `kind`, and shown by `front`."""
    front._screens.language = language or front._screens.language
    # A board's short names differ within a class alone, so these are names that stay.
    return type("Shown", (_Shown, kind), {"kind": kind, "display": (front, [])})


def _say_nothing(event, members):
    """Print nothing: the serial port is the program's."""


class _Shown:
    """What is other than of `kind`. `display` is the front, and the tasks that look after it."""

    async def __aenter__(self):
        front, tasks = self.display
        front.link = self
        front._open_parts(tasks)
        front._screens.show("wifi", {})
        link = None
        try:
            link = await self.kind.__aenter__(self)
            return link
        except Exception as error:
            _tell(front, error)
            raise
        finally:
            if link is None:  # a cancellation, too
                _stop(tasks)

    async def __aexit__(self, *error):
        front, tasks = self.display
        _stop(tasks)
        try:
            if isinstance(error[1], Exception):
                _tell(front, error[1])
        finally:
            await self.kind.__aexit__(self, *error)

    async def ensure_linked(self):
        front, _ = self.display
        if not (self.is_linked and "account" in front._screens.link):  # else it has been told
            # After an end that the screen tells, a board with a button waits for a press.
            waits = front._button is not None and front._screens.press == "link"
            await front._get_linked(_Plain(self), waits)
        return self.account

    def show(self, name, value=None, *lines):
        self.display[0].show(name, value, *lines)


def _stop(tasks):
    """End what looks after the parts, which stay as they are."""
    while tasks:
        tasks.pop().cancel()


def _tell(front, error):
    """Show an exception that ends the program, where there is memory for that."""
    try:
        with Loaded("keyfob.ui.raised") as code:
            show_error(front, code.with_place(error))
    except MemoryError:
        pass  # the program's own exception goes on


class _Plain:
    """A link as it is without its front, for the front to link."""

    def __init__(self, link):
        self._link = link

    @property
    def is_linked(self):
        return self._link.is_linked

    async def ensure_linked(self):
        await self._link.kind.ensure_linked(self._link)
