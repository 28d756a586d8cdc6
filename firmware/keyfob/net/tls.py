"""The TLS context of connections, with the CA certificates that are trusted."""

import ssl
import sys

from keyfob.compat import Loaded
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
    if sys.implementation.name != "micropython":
        # A common name says nothing of hosts (RFC 9525). mbedTLS takes it where it is alone.
        setattr(context, "hostname_checks_common_name", False)  # noqa: B010 - not on a board
    for root in roots:
        try:
            context.load_verify_locations(cadata=root)
        except (OSError, ValueError):
            with Loaded("keyfob.net.tls_texts") as code:
                raise code.unreadable(roots.index(root) + 1, root)
    return context
