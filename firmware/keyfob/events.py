"""Telling whoever listens what happens."""

from keyfob.errors import AS_FATAL, AS_PASSING, StorageError


class Events:
    """Hands events to `notify(event, members)`, or to nobody where that is None."""

    def __init__(self, notify=None):
        self.unsaved = None  # why what was to be stored last is not; None where it is
        self._notify = notify

    def tell(self, event, **members):
        """Tell of `event`. Members never hold a token, a device code or a secret."""
        if self._notify is not None:
            self._notify(event, members)

    def attempt(self, action, *arguments):
        """Call `action`, which stores something; where that fails tell of it, and no more.

        What is in memory goes on, and the next save may mend what is in flash.
        """
        self.unsaved = None
        try:
            action(*arguments)
        except StorageError as error:
            self.unsaved = error.message.split(": ", 1)[-1]
            self.tell_error(error)

    def tell_error(self, error, fatal=False):
        """Tell of a KeyfobError, once; again only where it turns out to be `fatal`."""
        way = AS_FATAL if fatal else AS_PASSING
        if error.told < way:
            error.told = way
            self.tell("error", **error.members(fatal))
