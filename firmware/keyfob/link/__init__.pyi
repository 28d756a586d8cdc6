from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from typing_extensions import Self

from keyfob.config import Config
from keyfob.events import _Notify
from keyfob.link.refresh import Refresher
from keyfob.net.clock import Clock
from keyfob.net.http import HttpClient
from keyfob.net.wifi import _Network
from keyfob.oauth.messages import Client, Reply, Request
from keyfob.oauth.profile import Profile
from keyfob.storage import _Store
from keyfob.storage.seal import Seal

class AccountLink:
    is_patient: bool
    erase_ended: bool
    wifi: Sequence[_Network]
    api: str | None
    def __init__(
        self,
        profile: Profile,
        client: Client,
        scope: str | None = None,
        http: HttpClient | None = None,
        clock: Clock | None = None,
        store: _Store | None = None,
        notify: _Notify | None = None,
        name: str | None = None,
    ) -> None: ...
    @classmethod
    def from_config(
        cls,
        config: str | Config = "/keyfob.json",
        notify: _Notify | None = None,
        root: str = "",
        name: str = "account",
        home: Literal["files", "nvs"] = "files",
        seal: Seal | None = None,
    ) -> Self: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
    @property
    def account(self) -> str | None: ...
    @property
    def is_linked(self) -> bool: ...
    @property
    def is_pending(self) -> bool: ...  # internal
    @property
    def unsaved(self) -> str | None: ...
    @property
    def scope(self) -> str | None: ...
    @property
    def can_refresh(self) -> bool: ...
    @property
    def pause(self) -> int: ...
    async def ensure_linked(self) -> str | None: ...
    async def token(self) -> str: ...
    def reject(self, token: str) -> bool: ...
    async def refresh(self) -> None: ...
    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        timeout_ms: int | None = None,
        max_body: int = 16_384,
        members: Iterable[str] | None = None,
        callback: Callable[[Any], object] | None = None,
    ) -> Reply: ...
    async def request(
        self,
        request: Request,
        timeout_ms: int | None = None,
        max_body: int = 16_384,
        members: Iterable[str] | None = None,
        callback: Callable[[Any], object] | None = None,
    ) -> Reply: ...
    def show(self, name: str, value: object = None, *lines: str) -> None: ...
    async def call_api(self) -> Reply | None: ...  # internal
    async def unlink(self) -> bool: ...
    def refresher(self) -> Refresher: ...  # internal
