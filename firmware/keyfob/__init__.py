"""keyfob: a device without a keyboard links itself to a person's account.

The OAuth 2.0 Device Authorization Grant (RFC 8628) and refresh (RFC 6749 section 6) for
MicroPython. `AccountLink` is the whole thing wired; its parts work alone too.

Names are looked up on first use, so that importing a part costs only that part.
"""

__version__ = "0.1.0"


def __getattr__(name):
    import sys

    home = _homes().get(name)
    if home is not None:
        if home not in sys.modules:
            from keyfob.compat import tidy_heap

            tidy_heap()
            __import__(home)
        return getattr(sys.modules[home], name)
    # `from keyfob import config`: MicroPython asks here before it looks for the file.
    home = "keyfob." + name
    try:
        __import__(home)
    except ImportError:
        raise AttributeError(name)
    return sys.modules[home]


def _homes():
    """Where the public names live: a table that takes no RAM while nobody asks."""
    return {
        "AccountLink": "keyfob.link",
        "RequestsAdapter": "keyfob.requests_adapter",
        "DeviceGrant": "keyfob.oauth.device_grant",
        "TokenSet": "keyfob.oauth.token_set",
        "KeyfobError": "keyfob.errors",
        "UsageError": "keyfob.errors",
        "ConfigError": "keyfob.errors",
        "TransportError": "keyfob.errors",
        "ProviderError": "keyfob.errors",
        "StorageError": "keyfob.errors",
        "LinkDenied": "keyfob.errors",
        "LinkExpired": "keyfob.errors",
        "NotLinked": "keyfob.errors",
    }
