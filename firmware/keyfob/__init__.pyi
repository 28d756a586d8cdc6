from keyfob.errors import (
    ConfigError as ConfigError,
)
from keyfob.errors import (
    KeyfobError as KeyfobError,
)
from keyfob.errors import (
    LinkDenied as LinkDenied,
)
from keyfob.errors import (
    LinkExpired as LinkExpired,
)
from keyfob.errors import (
    NotLinked as NotLinked,
)
from keyfob.errors import (
    ProviderError as ProviderError,
)
from keyfob.errors import (
    StorageError as StorageError,
)
from keyfob.errors import (
    TransportError as TransportError,
)
from keyfob.errors import (
    UsageError as UsageError,
)
from keyfob.link import AccountLink as AccountLink
from keyfob.oauth.device_grant import DeviceGrant as DeviceGrant
from keyfob.oauth.token_set import TokenSet as TokenSet
from keyfob.requests_adapter import RequestsAdapter as RequestsAdapter

__version__: str
