"""What can go wrong, as one small family.

Every error carries a message (what happened), a `hint` (what to try, or None) and a
`kind`, the word that events and the command line use for it. No message ever holds a
token, a device code or a secret.
"""

# How listeners have been notified of an error.
NEVER = 0
AS_PASSING = 1
AS_FATAL = 2


class KeyfobError(Exception):
    """Base of all errors that keyfob raises on purpose."""

    kind = "internal"
    notified = NEVER  # listeners are notified of an error once
    interval = None  # s after which the same request may work; None where it will not

    def __init__(self, message, hint=None, kind=None):
        super().__init__(message)
        self.message = message
        self.hint = hint
        if kind is not None:
            self.kind = kind

    def members(self, fatal):
        """The members of an `error` event; `fatal` where the attempt or the run ends with it."""
        return {"kind": self.kind, "message": self.message, "hint": self.hint, "fatal": fatal}


class UsageError(KeyfobError):
    """The caller used the library in a way it cannot serve."""

    kind = "usage"


class ConfigError(KeyfobError):
    """The configuration lacks something, or a value in it is invalid."""

    kind = "config"


class TransportError(KeyfobError):
    """No usable reply arrived. `kind` is network, tls, timeout or memory."""

    kind = "network"
    lost = True  # there may have been an answer; False where nothing can have been sent
    is_final = False  # the answer came and is too long, as it would be again


class ProviderError(KeyfobError):
    """The provider refused or its reply is invalid; `error` is its OAuth code or None."""

    kind = "provider"

    def __init__(self, message, hint=None, error=None, kind=None):
        super().__init__(message, hint, kind)
        self.error = error


class StorageError(KeyfobError):
    """Flash could not be read or written; `reason` is the cause in a few words, or None."""

    kind = "storage"
    reason = None


class LinkDenied(ProviderError):
    """The person refused (RFC 8628 section 3.5, access_denied)."""


class LinkExpired(ProviderError):
    """Nobody approved while the code lived (RFC 8628 section 3.5, expired_token).

    `lost` is what kept the last answers from being read, so that nobody knows, or None.
    """

    lost = None


class NotLinked(UsageError):
    """There is no account to act for; call `ensure_linked` first."""


def ours(error):
    """Return `error`, or the KeyfobError for an exception of any other kind.

    That names the kind alone: a text that is not ours may hold a secret.
    """
    if isinstance(error, MemoryError):
        return no_memory("for this step", "free some RAM")
    if not isinstance(error, KeyfobError):
        error = KeyfobError("unexpected " + type(error).__name__, "it is tried again by itself")
    return error


def no_memory(what, hint="free RAM before connecting, or use a board with more"):
    """Return the TransportError for `what` that did not fit in RAM; `hint` is what to try."""
    return TransportError("not enough memory " + what, hint, "memory")
