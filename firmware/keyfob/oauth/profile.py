"""The differences between providers, as data.

A profile is the `provider` object of `/keyfob.json`: the endpoints, by their names in discovery
documents (RFC 8414 section 2), and fields for the dialects of the device grant. The firmware has
no code for a provider by name.
"""

import keyfob.errors  # noqa: F401 - stays: the unloaded schema raises them
from keyfob.compat import Loaded


class Profile:
    """One provider: `issuer`, the endpoints and the common differences, each as an attribute.

    `dialect` has the rare fields (see `keyfob.oauth.dialect`), or is None.
    `needs_person` is False where the board has an account of its own. `is_complete` is whether
    the grant can start without discovery. `open` lists the endpoints that discovery may set,
    none where it is not needed. `identity` names the owner of a stored token, which is never
    sent anywhere else.
    """

    def __init__(self, fields=None, allow_http=False):
        """Take `fields` (the provider object). Raises ConfigError naming a bad one."""
        self.allow_http = allow_http
        with Loaded("keyfob.oauth.profile_schema") as schema:
            schema.fill(self, {} if fields is None else fields)
