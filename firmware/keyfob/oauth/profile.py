"""What makes one provider differ from another, as data.

A profile is the `provider` object of `/keyfob.json`: endpoints by the names they have in
discovery documents (RFC 8414 section 2), and the few fields in which dialects of the
device grant differ. No provider's name appears in this package.
"""

import keyfob.errors  # noqa: F401 - what the schema raises stays when the schema goes
from keyfob.compat import Loaded


class Profile:
    """One provider: `issuer`, the endpoints and the common differences, each as an attribute.

    `dialect` holds what only unusual providers need (see `keyfob.oauth.dialect`), or None.
    `needs_person` is False where the board has an account of its own. `is_complete` tells
    whether the grant can start as it is, `open` which endpoints a discovery document may
    name (none where nothing has to be looked up). `identity` is what a stored token
    belongs to: it is never sent anywhere else.
    """

    def __init__(self, fields=None, allow_http=False):
        """Take `fields` (the provider object). Raises ConfigError naming a bad one."""
        self.allow_http = allow_http
        with Loaded("keyfob.oauth.profile_schema") as schema:
            schema.fill(self, {} if fields is None else fields)
