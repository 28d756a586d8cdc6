"""Opening the store of one link."""

from keyfob.compat import Loaded, const
from keyfob.errors import UsageError
from keyfob.storage.token_store import TokenStore

_LONGEST = const(13)  # characters of a name: a key in NVS has 15, and the slot takes two
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_"  # FAT takes A for a


def open_store(name="account", directory="", home="files", seal=None):
    """Return the TokenStore of the link `name` (1 to 13 of a-z, 0-9, - and _).

    `home` is "files" (in `directory`) or "nvs", which means files where a board has no NVS.
    Raises UsageError for another name or home.
    """
    if not 1 <= len(name) <= _LONGEST or name.strip(_LETTERS):
        raise UsageError(
            "%r cannot be the name of a link" % name, "use 1 to 13 of a-z, 0-9, - and _"
        )
    if home not in ("files", "nvs"):
        raise UsageError("a link cannot be kept in %r" % home, "use files or nvs")
    if home == "nvs":
        try:
            with Loaded("keyfob.storage.nvs") as nvs:
                return TokenStore(nvs.NvsHome(name), seal)
        except ImportError:
            pass  # no ESP32
    with Loaded("keyfob.storage.files") as files:
        return TokenStore(files.FileHome(directory, name), seal)
