"""Endpoint paths, both discovery documents, and the first line of `keyfob server`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keyfob_host.providers.presets import load, provider_object

from .config import AUTH_METHODS
from .personality import Personality
from .realm import Realm

DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

# Discovery name -> path below the issuer (RFC 8414 section 2, RFC 8628 section 4, OIDC Discovery).
ENDPOINTS = {
    "device_authorization_endpoint": "/oauth/device_authorization",
    "token_endpoint": "/oauth/token",
    "revocation_endpoint": "/oauth/revoke",
    "introspection_endpoint": "/oauth/introspect",
    "userinfo_endpoint": "/oauth/userinfo",
    "jwks_uri": "/oauth/jwks",
}
REFRESH = "/oauth/refresh"  # where a personality refreshes elsewhere than it is polled
VERIFICATION = "/device"
ADMIN = "/admin"
API = "/api/v1/me"


def metadata(realm: Realm) -> dict[str, Any]:
    """Return the metadata that both discovery documents hold."""
    return {
        "issuer": realm.issuer,
        **_endpoints(realm),
        "scopes_supported": list(realm.config.scopes),
        # Nothing here uses an authorization endpoint; the member itself is required.
        "response_types_supported": [],
        "grant_types_supported": [DEVICE_CODE_GRANT, "refresh_token"],
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "introspection_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": sorted(
            {"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "at_hash"}
            | {claim for user in realm.config.users for claim in user.claims}
        ),
    }


def describe(realm: Realm, ca: Path | None) -> dict[str, Any]:
    """Return the object that `keyfob server` prints; the secrets in it are for tests only."""
    about: dict[str, Any] = {
        "issuer": realm.issuer,
        **_endpoints(realm),
        "verification_uri": realm.issuer + VERIFICATION,
        "admin": realm.issuer + ADMIN,
        "api": realm.issuer + API,
        "ca": None if ca is None else str(ca),
        "scope": realm.config.default_scope,
        "clients": [
            {
                "client_id": client.client_id,
                "client_auth": client.client_auth,
                "client_secret": client.client_secret,
            }
            for client in realm.clients.values()
        ],
    }
    if realm.personality is not None:
        about["provider"] = _provider(realm, realm.personality)
    return about


def _provider(realm: Realm, personality: Personality) -> dict[str, Any]:
    """The `provider` object for a board: the preset's dialect, with this server's addresses."""
    preset = load(personality.name)
    auth = "none" if preset.client != "secret" else (preset.provider or {}).get("client_auth")
    clients = list(realm.clients.values())
    client = next((client for client in clients if client.client_auth == auth), clients[0])
    fields = provider_object(
        preset,
        {name: variable.example or "" for name, variable in preset.variables.items()},
        client.client_id,
        client.client_secret,
        client.client_auth,
    )
    addresses = {"issuer": realm.issuer, **_endpoints(realm)}
    addresses["refresh_endpoint"] = realm.issuer + REFRESH
    if personality.request.same_address:
        addresses["device_authorization_endpoint"] = addresses["token_endpoint"]
    return {name: addresses.get(name, value) for name, value in fields.items()}


def _endpoints(realm: Realm) -> dict[str, str]:
    return {name: realm.issuer + path for name, path in ENDPOINTS.items()}
