"""keyfob: a device without a keyboard links itself to a person's account.

The OAuth 2.0 Device Authorization Grant (RFC 8628) and refresh (RFC 6749 section 6) for
MicroPython. `AccountLink` is the whole thing wired; its parts work alone too.

Names are looked up on first use, so that importing a part costs only that part. The first import
tidies the heap: garbage is collected early from then on.
"""

from keyfob.compat import tidy_heap

__version__ = "0.1.0"

tidy_heap()  # before any more code is loaded, whichever part a program begins with

# Where the classes are that are not in keyfob.errors. One text: in a table each name would take
# RAM for good.
_HOMES = (
    "AccountLink link DeviceGrant oauth.device_grant"
    " RequestsAdapter requests_adapter TokenSet oauth.token_set"
)


def __getattr__(name):
    import sys

    home = name  # `from keyfob import config`: MicroPython asks here before it looks for the file
    is_class = name[0].isupper()
    if is_class:
        words = _HOMES.split()
        home = words[words.index(name) + 1] if name in words else "errors"
    home = "keyfob." + home
    if home not in sys.modules:
        try:
            __import__(home)  # stays: its user has asked for it
        except ImportError:
            if is_class:
                raise
            raise AttributeError(name)
    return getattr(sys.modules[home], name) if is_class else sys.modules[home]
