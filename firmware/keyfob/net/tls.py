"""The TLS context of connections, with the CA certificates that are trusted."""

import ssl
import sys

from keyfob.errors import ConfigError


def make_context(roots):
    """Return a client context: CERT_REQUIRED, the host name checked, `roots` (DER) trusted.

    Raises ConfigError where there is no root, or one that cannot be read.
    """
    if not roots:
        raise ConfigError(
            "https needs a CA certificate, and none is configured",
            "name the provider's root in the configuration's ca list",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    if sys.implementation.name == "cpython":  # where a name that is none of the host's would do
        setattr(context, "hostname_checks_common_name", False)  # noqa: B010 - not on a board
    for root in roots:
        try:
            context.load_verify_locations(cadata=root)
        except (OSError, ValueError):
            raise _unreadable(roots.index(root) + 1, root)
    return context


def _unreadable(number, root):  # rare: root
    """The ConfigError for the `number`-th file of `ca`."""
    if b"-----BEGIN" in root:
        what = "is PEM, not DER"
    elif root[:2] != b"\x30\x82" or int.from_bytes(root[2:4], "big") + 4 != len(root):
        what = "is not DER"
    else:
        return ConfigError(
            "certificate %d of ca has a key that this board does not speak" % number,
            "choose a root with a key of RSA, P-256, P-384 or P-521",
        )
    return ConfigError(
        "certificate %d of ca %s" % (number, what),
        "keyfob configure --ca FILE, which stores DER, one certificate a file",
    )
