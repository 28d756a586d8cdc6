"""Telling whoever listens what happens."""


class Events:
    """Hands events to `notify(event, members)`, or to nobody where that is None."""

    def __init__(self, notify=None):
        self._notify = notify

    def tell(self, event, **members):
        """Tell of `event`. Members never hold a token, a device code or a secret."""
        if self._notify is not None:
            self._notify(event, members)

    def tell_error(self, error, fatal=False):
        """Tell of a KeyfobError, once; `fatal` where what was asked for has failed."""
        if not error.told:
            error.told = True
            self.tell("error", **error.members(fatal))
