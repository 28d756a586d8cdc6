"""Reading the device secret that a seal's keys are derived from."""

from keyfob.compat import const
from keyfob.errors import StorageError

_NOT_FOUND = const(-0x1102)
_SIZE = const(32)  # bytes
_TRY = "provision it first; see Tokens in flash in firmware/README.md"

# Address of the first word of eFuse block 3, the user's (register maps of ESP-IDF). Not verified
# on hardware.
_BLOCK3 = {
    "ESP32": 0x3FF5A078,
    "ESP32S2": 0x3F41A07C,
    "ESP32S3": 0x6000707C,
    "ESP32C3": 0x6000887C,
    "ESP32C6": 0x600B087C,
}


def from_nvs(namespace="keyfob", key="secret"):
    """Return the 32 bytes of a blob in NVS. Raises StorageError where there are none."""
    try:
        from esp32 import NVS

        secret = bytearray(_SIZE)
        size = NVS(namespace).get_blob(key, secret)
    except ImportError:
        raise StorageError("this board has no NVS to keep a device secret in")
    except OSError as error:
        if error.args[0] == _NOT_FOUND:
            raise StorageError("there is no device secret in NVS", _TRY)
        raise StorageError("the device secret cannot be read: %s" % error, _TRY)
    return _checked(bytes(secret[:size]))


def from_efuse(chip=None):
    """Return the 32 bytes of eFuse block 3. Raises StorageError where none were burnt.

    `chip` is its name as in `sys.implementation._machine`, by default this board's.
    """
    import machine

    if chip is None:
        import sys

        chip = sys.implementation._machine.split()[-1]
    first = _BLOCK3.get(chip)
    if first is None:
        raise StorageError("where %s keeps eFuse block 3 is not known" % chip)
    words = [machine.mem32[first + at] & 0xFFFFFFFF for at in range(0, _SIZE, 4)]
    return _checked(b"".join(word.to_bytes(4, "little") for word in words))


def _checked(secret):
    if len(secret) != _SIZE or not any(secret):
        raise StorageError("there is no device secret of 32 bytes", _TRY)
    return secret
