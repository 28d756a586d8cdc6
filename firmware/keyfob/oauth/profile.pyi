from collections.abc import Mapping
from typing import Any

class Profile:
    issuer: str | None
    device_authorization_endpoint: str | None
    token_endpoint: str | None
    revocation_endpoint: str | None
    userinfo_endpoint: str | None
    refresh_endpoint: str | None
    extra_da_params: dict[str, str]
    extra_token_params: dict[str, str]
    grant_type: str
    pending_map: dict[str, str]
    default_expires: int
    default_interval: int
    min_interval: int
    accept: str
    qr_template: str | None
    userinfo_aliases: dict[str, str] | None
    dialect: dict[str, Any] | None  # internal
    allow_http: bool
    needs_person: bool  # internal
    is_complete: bool
    open: list[str]
    identity: str
    def __init__(
        self, fields: Mapping[str, Any] | None = None, allow_http: bool = False
    ) -> None: ...
