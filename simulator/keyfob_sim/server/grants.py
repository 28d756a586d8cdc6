"""The grants and endpoints of OAuth 2.0 and OpenID Connect, as Authlib reads them.

Authlib implements the protocol. The classes here connect it to the store, and answer
`invalid_grant` to a used, unknown or foreign device code, where Authlib has other errors.
"""

# mypy: allow-subclassing-any

from __future__ import annotations

import secrets
from typing import Any

from authlib.integrations.flask_oauth2 import ResourceProtector as FlaskResourceProtector
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant
from authlib.oidc.core import OpenIDToken, UserInfo, UserInfoEndpoint
from flask import g
from joserfc.jwk import RSAKey

from .config import AUTH_METHODS, User
from .oauth import AuthorizationServer, FormRequest
from .realm import Realm
from .records import (
    ACCESS,
    APPROVED,
    DENIED,
    REFRESH,
    USED,
    Client,
    Grant,
    Token,
    digest,
    new_code,
)
from .rotation import ROTATIONS

_AUTH_METHODS = list(AUTH_METHODS)

_CODE_TRIES = 100


class Credential:
    """A grant as Authlib asks about it."""

    def __init__(self, grant: Grant, realm: Realm) -> None:
        self.grant = grant
        self.realm = realm
        self.grant_id = grant.id
        self.auth_time = grant.decided_at or grant.issued_at

    def get_client_id(self) -> str:
        """Whom the device code was issued to; Authlib refuses a poll by any other client."""
        return self.grant.client_id

    def get_scope(self) -> str:
        """Scope of the tokens to issue: the requested one, or the configured default."""
        return self.grant.scope

    def get_user_code(self) -> str:
        """The code that Authlib passes on to `DeviceCode.query_user_grant`."""
        return self.grant.user_code

    def is_expired(self) -> bool:
        """Whether the device code's lifetime is over, by the server's clock."""
        return self.realm.now() >= self.grant.expires_at


class IssuedToken:
    """A token as Authlib asks about it."""

    def __init__(self, token: Token, realm: Realm) -> None:
        self.token = token
        self.realm = realm
        self.grant_id = token.grant_id
        self.auth_time = token.auth_time
        self.scope = token.scope

    def check_client(self, client: Client) -> bool:
        """Whether the token was issued to `client`."""
        return self.token.client_id == client.client_id

    def get_scope(self) -> str:
        """Scopes separated by spaces, as issued; a refresh may ask for fewer (RFC 6749 6)."""
        return self.token.scope

    def is_expired(self) -> bool:
        """True for a token that is past its time, retired or revoked."""
        return not self.realm.store.is_live(self.token)

    def is_revoked(self) -> bool:
        """Whether it was revoked; one that has merely expired was not."""
        return self.token.revoked

    def get_user(self) -> User | None:
        """Who approved, None once the configuration no longer has that user."""
        return self.realm.users.get(self.token.sub)

    def get_client(self) -> Client | None:
        """Whom it was issued to, None once the configuration no longer has that client."""
        return self.realm.clients.get(self.token.client_id)


class DeviceAuthorization(DeviceAuthorizationEndpoint):
    """RFC 8628 sections 3.1 and 3.2."""

    CLIENT_AUTH_METHODS = _AUTH_METHODS

    def __init__(self, server: AuthorizationServer) -> None:
        super().__init__(server)
        self.realm = server.realm
        self.EXPIRES_IN = self.realm.config.lifetimes.device_code
        self.INTERVAL = self.realm.config.interval

    def create_endpoint_response(self, request: FormRequest) -> Any:
        """Answer a device authorization request (RFC 8628 section 3.2)."""
        # One transaction, so that no two requests draw the same user code.
        with self.realm.store.transaction():
            return super().create_endpoint_response(request)

    def get_verification_uri(self) -> str:
        """The page's address; Authlib appends the user code for the complete one."""
        return f"{self.realm.issuer}/device"

    def generate_device_code(self) -> str:
        """256 random bits in 43 URL-safe characters."""
        return new_code()

    def generate_user_code(self) -> str:
        """A random code in the configured format that no remembered grant has.

        Raises OAuth2Error (503, `temporarily_unavailable`) when 100 draws find none.
        """
        look = self.realm.config.user_code
        for _ in range(_CODE_TRIES):
            code = "".join(secrets.choice(look.charset) if c == "*" else c for c in look.format)
            if not self.realm.store.has_user_code(code):
                return code
        raise OAuth2Error("no user code is free", status_code=503, error="temporarily_unavailable")

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        """Store the new grant, with the default scope where none was asked for.

        `data` is the answer; its `expires_in` and `interval` are in seconds.
        """
        now = self.realm.now()
        g.grant = Grant(
            id=secrets.token_hex(8),
            device_code=digest(data["device_code"]),
            user_code=data["user_code"],
            client_id=client_id,
            scope=scope or self.realm.config.default_scope,
            issued_at=now,
            expires_at=now + data["expires_in"],
            interval=data["interval"],
        )
        self.realm.store.add_grant(g.grant)


class DeviceCode(DeviceCodeGrant):
    """RFC 8628 sections 3.4 and 3.5."""

    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS

    def query_device_credential(self, device_code: str) -> Credential:
        """Find the grant that is polled.

        Raises InvalidGrantError for a code that is unknown, used, or another client's.
        """
        grant = self.server.realm.store.grant_of_device_code(device_code)
        if grant is None or grant.client_id != self.request.client.client_id:
            raise InvalidGrantError("the device code is unknown")
        g.grant = grant
        if grant.state == USED:
            raise InvalidGrantError("the device code has been used")
        return Credential(grant, self.server.realm)

    def query_user_grant(self, user_code: str) -> tuple[User | None, bool] | None:
        """Return the user and whether they approved; None while nobody has decided."""
        grant: Grant = g.grant
        if grant.state == DENIED:
            return None, False
        if grant.state == APPROVED and grant.sub is not None:
            user = self.server.realm.users.get(grant.sub)
            return user, user is not None
        return None

    def should_slow_down(self, credential: Credential) -> bool:
        """Note the poll; True, for `slow_down`, if it came before the interval was over."""
        return bool(self.server.realm.store.note_poll(credential.grant))

    def generate_token(self, **members: Any) -> Any:
        """Make the members of the answer, with a refresh token only if the scope allows one."""
        # OIDC Core section 11: without offline_access there is no refresh token.
        offline = "offline_access" in members["scope"].split()
        return super().generate_token(**{**members, "include_refresh_token": offline})

    def create_token_response(self) -> Any:
        """Exchange the device code for tokens; it is used from then on (RFC 8628 section 3.5)."""
        answer = super().create_token_response()
        self.server.realm.store.use(g.grant)
        return answer


class Refresh(RefreshTokenGrant):
    """RFC 6749 section 6, with the rotation that is configured."""

    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS

    def __init__(self, request: FormRequest, server: AuthorizationServer) -> None:
        super().__init__(request, server)
        self.rotation = ROTATIONS[server.realm.config.rotation]
        self.INCLUDE_NEW_REFRESH_TOKEN = self.rotation.rotates

    def authenticate_refresh_token(self, value: str) -> IssuedToken | None:
        """Return the token if this client may refresh with it, else None for `invalid_grant`.

        A retired token used again may revoke its whole family (RFC 9700 section 4.14.2).
        """
        realm = self.server.realm
        token = realm.store.token(value, REFRESH)
        if token is None or token.client_id != self.request.client.client_id:
            return None
        g.grant = realm.store.grant(token.grant_id)
        grace = realm.config.grace if self.rotation.has_grace else 0
        if realm.store.is_live(token, grace):
            return IssuedToken(token, realm)
        if token.retired_at is not None and self.rotation.revokes_family:
            realm.store.revoke_family(token.grant_id)
        return None

    def authenticate_user(self, refresh_token: IssuedToken) -> User | None:
        """Return who approved. Raises InvalidGrantError if that user is gone."""
        user = refresh_token.get_user()
        if user is None:
            raise InvalidGrantError("the account is gone")
        return user

    def revoke_old_credential(self, refresh_token: IssuedToken) -> None:
        """Retire the refresh token that was just used, where the mode rotates."""
        if self.rotation.rotates:
            self.server.realm.store.retire(refresh_token.token)


class IdToken(OpenIDToken):
    """ID tokens (OIDC Core section 2) for every answer whose scope has `openid`."""

    def __init__(self, realm: Realm) -> None:
        self.realm = realm

    def get_client_algorithm(self, client: Client) -> str:
        """RS256, whatever the client; the one algorithm that discovery names."""
        return "RS256"

    def get_encode_header(self, client: Client) -> dict[str, Any]:
        """JOSE header with the key's `kid`, by which a client finds it in the JWKS."""
        return {"alg": "RS256", "kid": self.realm.key.kid, "typ": "JWT"}

    def resolve_client_private_key(self, client: Client) -> RSAKey:
        """The server's signing key, the same for every client."""
        return self.realm.key

    def get_compatible_claims(self, request: FormRequest) -> dict[str, Any]:
        """Claims about the token itself, times in Unix seconds (OIDC Core section 2)."""
        now = int(self.realm.now())
        origin = request.credential or request.refresh_token
        return {
            "iss": self.realm.issuer,
            "aud": request.client.client_id,
            "azp": request.client.client_id,
            "iat": now,
            "exp": now + self.realm.config.lifetimes.id_token,
            "auth_time": int(origin.auth_time),
        }

    def generate_user_info(self, user: User, scope: str) -> UserInfo:
        """Claims of `user` that `scope` reveals (OIDC Core section 5.4)."""
        return claims_of(user, scope)


class Revocation(RevocationEndpoint):
    """RFC 7009: a refresh token takes its whole grant with it, an access token goes alone."""

    CLIENT_AUTH_METHODS = _AUTH_METHODS

    def check_params(self, request: FormRequest, client: Client) -> None:
        """Raises InvalidRequestError if `token` is missing."""
        require_token(request)

    def query_token(self, value: str, hint: str | None) -> IssuedToken | None:
        """Find a token of either kind, whatever `hint` says (RFC 7009 section 2.1)."""
        token = self.server.realm.store.token(value)
        return IssuedToken(token, self.server.realm) if token else None

    def revoke_token(self, token: IssuedToken, request: FormRequest) -> None:
        """Revoke it: a refresh token together with every token of its grant."""
        self.server.realm.store.revoke(token.token)


class Introspection(IntrospectionEndpoint):
    """RFC 7662: a client may look into its own tokens; any other is not active."""

    CLIENT_AUTH_METHODS = _AUTH_METHODS

    def check_params(self, request: FormRequest, client: Client) -> None:
        """Raises InvalidRequestError if `token` is missing."""
        require_token(request)

    def query_token(self, value: str, hint: str | None) -> IssuedToken | None:
        """Find a token of either kind, whatever `hint` says (RFC 7662 section 2.1)."""
        token = self.server.realm.store.token(value)
        return IssuedToken(token, self.server.realm) if token else None

    def check_permission(self, token: IssuedToken, client: Client, request: FormRequest) -> bool:
        """False, which answers `active: false`, for another client's token."""
        return token.check_client(client)

    def introspect_token(self, token: IssuedToken) -> dict[str, Any]:
        """Members of the answer, without those unknown (RFC 7662 section 2.2); times in Unix s."""
        realm, record = self.server.realm, token.token
        user = token.get_user()
        members = {
            "active": True,
            "iss": realm.issuer,
            "client_id": record.client_id,
            "aud": record.client_id,
            "sub": record.sub,
            "username": user.username if user else None,
            "scope": record.scope,
            "token_type": "Bearer" if record.kind == ACCESS else None,
            "iat": int(record.issued_at),
            "exp": int(record.expires_at) if record.expires_at is not None else None,
        }
        return {name: value for name, value in members.items() if value is not None}


class NoToken(OAuth2Error):
    """401 without an error code in the challenge, as RFC 6750 section 3.1 asks."""

    error = "invalid_token"
    status_code = 401

    def get_headers(self) -> list[tuple[str, str]]:
        """Authlib's headers and the challenge, which names the realm alone."""
        return [*super().get_headers(), ("WWW-Authenticate", 'Bearer realm="keyfob"')]


class InsufficientScope(OAuth2Error):
    """403 that names the scope which is missing (RFC 6750 section 3.1)."""

    error = "insufficient_scope"
    status_code = 403

    def __init__(self, scope: str) -> None:
        super().__init__(f"the token lacks the scope {scope}")
        self.scope = scope

    def get_headers(self) -> list[tuple[str, str]]:
        """Authlib's headers and the challenge, which names the missing scope."""
        challenge = f'Bearer realm="keyfob", error="insufficient_scope", scope="{self.scope}"'
        return [*super().get_headers(), ("WWW-Authenticate", challenge)]


class BearerValidator(BearerTokenValidator):
    """Access tokens of this server (RFC 6750)."""

    def __init__(self, realm: Realm) -> None:
        super().__init__(realm="keyfob")
        self.store_realm = realm

    def authenticate_token(self, value: str) -> IssuedToken | None:
        """Find the access token, None if it is unknown or its user is gone."""
        token = self.store_realm.store.token(value, ACCESS)
        if token is None:
            return None
        g.client_id = token.client_id
        issued = IssuedToken(token, self.store_realm)
        return issued if issued.get_user() else None

    def validate_token(self, token: IssuedToken | None, scopes: Any, request: Any) -> None:
        """Check lifetime, revocation and scope.

        Raises Authlib's InvalidTokenError, or InsufficientScope.
        """
        super().validate_token(token, None, request)
        if token is not None and self.scope_insufficient(token.get_scope(), scopes):
            raise InsufficientScope(scopes[0])


class ResourceProtector(FlaskResourceProtector):
    """Takes a token from the Authorization header alone, never from the URL."""

    def __init__(self, realm: Realm) -> None:
        super().__init__()
        self.register_token_validator(BearerValidator(realm))

    def parse_request_authorization(self, request: Any) -> Any:
        """Return the validator and the token of a Bearer header. Raises NoToken without one."""
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            raise NoToken("there is no bearer token")
        return self.get_token_validator("bearer"), value.strip()


class Userinfo(UserInfoEndpoint):
    """OIDC Core section 5.3."""

    def generate_user_info(self, user: User, scope: str) -> UserInfo:
        """Claims of `user` that `scope` reveals (OIDC Core section 5.4)."""
        return claims_of(user, scope)


def claims_of(user: User, scope: str) -> UserInfo:
    """Return the claims of `user` that `scope` reveals, `sub` always among them."""
    shown = UserInfo({"sub": user.sub, **user.claims}).filter(scope)
    shown["sub"] = user.sub
    return shown


def require_token(request: FormRequest) -> None:
    """Demand `token`; an unknown token_type_hint is ignored (RFC 7009 section 2.2)."""
    if "token" not in request.form:
        raise InvalidRequestError("token is missing")


def make_authorization_server(realm: Realm) -> AuthorizationServer:
    """Put grants and endpoints together over one realm."""
    server = AuthorizationServer(realm)
    for grant in (DeviceCode, Refresh):
        server.register_grant(grant, [IdToken(realm)])
    for endpoint in (
        DeviceAuthorization(server),
        Revocation(server),
        Introspection(server),
        Userinfo(resource_protector=ResourceProtector(realm)),
    ):
        server.register_endpoint(endpoint)
    return server
