"""Events: what happens is handed to a listener."""

from keyfob.errors import AS_FATAL, AS_PASSING, StorageError


class Events:
    """Calls `notify(event, members)` for each event, unless it is None."""

    def __init__(self, notify=None):
        self.unsaved = None  # why the last save failed; None where it succeeded
        self._notify = notify

    def notify(self, event, **members):
        """Notify the listener of `event`. Members hold no token, device code or secret."""
        if self._notify is not None:
            self._notify(event, members)

    def attempt(self, action, *arguments):
        """Call `action`, which stores something; a StorageError becomes an `error` event.

        The data stays in memory, and the next save may succeed.
        """
        self.unsaved = None
        try:
            action(*arguments)
        except StorageError as error:
            self.unsaved = error.reason or error.message
            self.notify_error(error)

    def notify_error(self, error, fatal=False):
        """Notify the listener of a KeyfobError once, and again only where it becomes `fatal`."""
        way = AS_FATAL if fatal else AS_PASSING
        if error.notified < way:
            error.notified = way
            self.notify("error", **error.members(fatal))
