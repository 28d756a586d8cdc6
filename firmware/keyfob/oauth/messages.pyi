from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from keyfob.oauth.profile import Profile

_Auth: TypeAlias = Literal["none", "basic", "post"]
_Params: TypeAlias = list[tuple[str, str]]

MAX_BODY: Final = 16_384
OTHER_HEADERS: Final = 4_096
NONE: Final = "none"
BASIC: Final = "basic"
POST: Final = "post"
CLIENT_AUTH: Final = ("none", "basic", "post")  # internal

class Request:
    filter: Callable[[bytes | bytearray], bytes | bytearray] | None  # internal
    other_headers: int  # internal
    is_repeated: bool  # internal
    room: int  # internal
    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    def __init__(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> None: ...

class Reply:
    status: int
    headers: dict[str, str]
    body: bytes | bytearray
    def __init__(
        self, status: int, headers: dict[str, str] | None = None, body: bytes | bytearray = b""
    ) -> None: ...
    @property
    def text(self) -> str: ...
    def json(self) -> Any: ...

class Client:
    client_id: str
    secret: str | None
    auth: _Auth | None
    def __init__(
        self, client_id: str, secret: str | None = None, auth: _Auth | None = None
    ) -> None: ...
    def set_auth(self, methods: object) -> None: ...  # internal
    def authenticate(  # internal
        self, params: _Params, headers: dict[str, str], named: bool = False
    ) -> None: ...

def quote(text: str) -> str: ...  # internal
def form(params: Iterable[tuple[str, str | None]]) -> bytes: ...  # internal
def form_request(  # internal
    url: str,
    params: Iterable[tuple[str, str | None]],
    client: Client,
    profile: Profile,
    extra: Mapping[str, str] | None = None,
    named: bool = False,
) -> Request: ...
def get_request(url: str) -> Request: ...
def members(reply: Reply) -> dict[str, Any] | None: ...
def in_rfc_names(  # internal
    values: dict[str, Any], profile: Profile, aliases: str
) -> dict[str, Any]: ...
def seconds(value: object) -> int | None: ...  # internal
def clean(text: object, secrets: Iterable[str | None] = ()) -> str: ...  # internal
def is_printable(char: str) -> bool: ...  # internal
