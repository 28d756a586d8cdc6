"""The TLS context of connections, with the CA certificates that are trusted."""

import ssl

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
    for root in roots:
        try:
            context.load_verify_locations(cadata=root)
        except (OSError, ValueError):
            raise ConfigError("a CA certificate cannot be read", "store it as DER, one a file")
    return context
