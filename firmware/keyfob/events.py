"""Notifying whoever listens of what happens."""

from keyfob.errors import AS_FATAL, AS_PASSING, StorageError


class Events:
    """Hands events to `notify(event, members)`, or to nobody where that is None."""

    def __init__(self, notify=None):
        self.unsaved = None  # why what was to be stored last is not; None where it is
        self._notify = notify

    def notify(self, event, **members):
        """Hand `event` on. Members never hold a token, a device code or a secret."""
        if self._notify is not None:
            self._notify(event, members)

    def attempt(self, action, *arguments):
        """Call `action`, which stores something; a failure becomes an event, and no more.

        What is in memory goes on, and the next save may mend what is in flash.
        """
        self.unsaved = None
        try:
            action(*arguments)
        except StorageError as error:
            self.unsaved = error.reason or error.message
            self.notify_error(error)

    def notify_error(self, error, fatal=False):
        """Hand a KeyfobError on, once; again only where it turns out to be `fatal`."""
        way = AS_FATAL if fatal else AS_PASSING
        if error.notified < way:
            error.notified = way
            self.notify("error", **error.members(fatal))
