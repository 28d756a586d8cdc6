"""Events: what happens is handed to a listener."""

import sys

from keyfob.errors import AS_FATAL, AS_PASSING, ours


class Events:
    """Calls `notify(event, members)` for each event, unless it is None."""

    def __init__(self, notify=None):
        self.unsaved = None  # why the last save failed; None where it succeeded
        self._notify = notify

    def notify(self, event, **members):
        """Notify the listener of `event`. Members hold no token, device code or secret."""
        if self._notify is not None:
            self.call(self._notify, event, members)

    def call(self, listener, *arguments):
        """Call a listener. What it raises is printed for its programmer, and costs nothing."""
        try:
            listener(*arguments)
        except Exception as error:  # noqa: BLE001 - it is printed
            try:
                getattr(sys, "print_exception", print)(error)
            except MemoryError:
                pass

    def attempt(self, action, *arguments):
        """Call `action`, which stores something; an exception becomes an `error` event.

        The data stays in memory, and `unsaved` says why, until a later save succeeds.
        """
        error = self._fails(action, arguments)
        if error is not None:
            self.notify_error(error)

    def attempt_again(self, action, *arguments):
        """As `attempt` for what is not saved: tell of success, else of another reason alone."""
        before = self.unsaved
        error = self._fails(action, arguments)
        if error is None:
            self.notify("saved")
        elif self.unsaved != before:
            self.notify_error(error)

    def notify_error(self, error, fatal=False):
        """Notify the listener of an exception once, and again only where it becomes `fatal`.

        Return the KeyfobError that it is told as.
        """
        try:
            error = ours(error)
            way = AS_FATAL if fatal else AS_PASSING
            if error.notified < way:
                error.notified = way
                self.notify("error", **error.members(fatal))
        except MemoryError:
            pass  # it is not told, and nothing else is lost
        return error

    def _fails(self, action, arguments):
        """Call `action`; return the KeyfobError for what it raises, and set `unsaved`."""
        self.unsaved = None
        try:
            action(*arguments)
        except Exception as error:  # noqa: BLE001 - it is told
            error = ours(error)
            self.unsaved = getattr(error, "reason", None) or error.message
            return error
