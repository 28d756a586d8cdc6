"""Authlib's authorization server made strict: request parsing and client authentication.

Authlib merges the URL's query into the form, takes the first of a repeated parameter, accepts
any of several client authentications, and does not decode `+` in HTTP Basic. Here all of these
are refused or done as RFC 6749 says.
"""

# mypy: allow-subclassing-any

from __future__ import annotations

import base64
import binascii
import json
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from authlib.integrations.flask_oauth2 import AuthorizationServer as FlaskAuthorizationServer
from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Request,
    UnsupportedGrantTypeError,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from flask import Response, g, request
from werkzeug.datastructures import Headers

from .config import AUTH_METHODS
from .realm import Realm
from .records import ACCESS, REFRESH, Client, Token, digest, new_code

FORM_TYPE = "application/x-www-form-urlencoded"


class FormRequest(OAuth2Request):
    """A request whose parameters are those of its body, never those of its URL."""

    def __init__(self, method: str, headers: Headers, form: dict[str, str]) -> None:
        # Authlib refuses plain http off loopback; a mock is asked over a LAN on purpose.
        super().__init__(method, "https://server.invalid/", headers=headers)
        self.payload = BasicOAuth2Payload(form)
        self._form = form

    @property
    def form(self) -> dict[str, str]:
        """The body's parameters by name, none of them empty."""
        return self._form


class InvalidClient(InvalidClientError):
    """401 `invalid_client`, with the challenge that HTTP asks of every 401 (RFC 9110 15.5.2)."""

    status_code = 401

    def get_headers(self) -> list[tuple[str, str]]:
        """Authlib's headers, with one challenge in place of its own."""
        return [
            *super(InvalidClientError, self).get_headers(),
            ("WWW-Authenticate", 'Basic realm="keyfob", charset="UTF-8"'),
        ]


class UnknownGrantType(UnsupportedGrantTypeError):
    """Does not repeat what the client sent, which may be anything."""

    description = "use device_code or refresh_token"


def read_form(query: bool = False) -> dict[str, str]:
    """Read the parameters of the current request's body; those without a value are left out.

    RFC 6749 sections 3.1, 3.2 and appendix B. With `query` those of its address count, too, and
    it needs no body then. Raises InvalidRequestError.
    """
    in_address, body = request.query_string, request.get_data()
    if in_address and not query:
        raise InvalidRequestError("parameters belong in the body, not in the URL")
    if request.mimetype != FORM_TYPE and (body or not in_address):
        raise InvalidRequestError(f"the content type must be {FORM_TYPE}")
    try:
        sent = b"&".join(filter(None, (in_address, body)))
        pairs = parse_qsl(sent.decode("ascii"), True, errors="strict")
    except ValueError:
        raise InvalidRequestError("the parameters are not a form in UTF-8") from None
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise InvalidRequestError("a parameter is repeated")
    return {name: value for name, value in pairs if value}


def read_json() -> dict[str, str]:
    """Read the parameters from a JSON object of texts, as a few providers want them.

    A list of texts counts as one with spaces between. Raises InvalidRequestError.
    """
    try:
        members = json.loads(request.get_data()) if request.is_json else None
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise InvalidRequestError("the body must be a JSON object")
    form = {
        name: " ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in members.items()
    }
    if not all(isinstance(value, str) for value in form.values()):
        raise InvalidRequestError("a parameter is no text")
    return {name: value for name, value in form.items() if value}


def basic_credentials(header: str) -> tuple[str, str] | None:
    """Read client id and secret out of HTTP Basic, each form-encoded (RFC 6749 section 2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = (
            base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        )
        if not colon:
            return None
        return unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, UnicodeDecodeError):
        return None


class AuthorizationServer(FlaskAuthorizationServer):
    """Authlib's server over one realm."""

    def __init__(self, realm: Realm) -> None:
        super().__init__()
        self.realm = realm
        self.scopes_supported = list(realm.config.scopes)
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                lambda **_: new_code(), lambda **_: new_code(), self._access_lifetime
            ),
        )

    def _access_lifetime(self, client: Client, grant_type: str) -> int:
        return self.realm.config.lifetimes.access_token

    def query_client(self, client_id: str) -> Client | None:
        """Return the configured client, None for an unknown ID."""
        return self.realm.clients.get(client_id)

    def create_oauth2_request(self, _request: object) -> FormRequest:
        """Make Authlib's request of what `g.form` holds, which the route has read."""
        return FormRequest(request.method, request.headers, g.get("form", {}))

    def authenticate_client(
        self, oauth_request: FormRequest, methods: list[str], endpoint: str = "token"
    ) -> Client:
        """Authenticate the client by the one method it is registered for (RFC 6749 2.3)."""
        form = oauth_request.form
        header = oauth_request.headers.get("Authorization")
        client_id, secret = form.get("client_id"), form.get("client_secret")
        if header is not None:
            if secret is not None:
                raise InvalidRequestError("two client authentications at once")
            credentials = basic_credentials(header)
            if credentials is None:
                raise InvalidClient("the Authorization header is not HTTP Basic with a secret")
            if client_id not in (None, credentials[0]):
                raise InvalidRequestError("two different clients in one request")
            method, (client_id, secret) = "client_secret_basic", credentials
        else:
            method = "none" if secret is None else "client_secret_post"
        g.client_auth = AUTH_METHODS[method]
        if client_id is None:
            raise InvalidClient("there is no client_id")
        client = self.query_client(client_id)
        if client is None:
            raise InvalidClient("there is no such client")
        g.client_id = client.client_id
        if client.client_auth != AUTH_METHODS[method] or method not in methods:
            raise InvalidClient(f"this client authenticates with {client.client_auth}")
        if secret is not None and not client.has_secret(secret):
            raise InvalidClient("the secret is wrong")
        oauth_request.auth_method = method
        oauth_request.client = client
        return client

    def get_token_grant(self, oauth_request: FormRequest) -> Any:
        """Return the grant for the request's `grant_type`.

        Raises InvalidRequestError without one, UnknownGrantType for another.
        """
        if oauth_request.payload.grant_type is None:
            raise InvalidRequestError("grant_type is missing")
        try:
            return super().get_token_grant(oauth_request)
        except UnsupportedGrantTypeError:
            raise UnknownGrantType(None) from None

    def validate_requested_scope(self, scope: str | None) -> None:
        """Raises InvalidScopeError for a scope that is not configured (RFC 6749 section 3.3)."""
        for name in (scope or "").split():
            if name not in self.realm.config.scopes:
                raise InvalidScopeError("there is a scope that this server does not know")

    def save_token(self, token: dict[str, Any], oauth_request: FormRequest) -> None:
        """Remember the tokens of an answer, as digests."""
        realm, now = self.realm, self.realm.now()
        origin = oauth_request.credential or oauth_request.refresh_token
        lifetimes = realm.config.lifetimes
        # A narrower scope asked for on refresh narrows the access token alone (RFC 6749 6).
        kinds = (
            (ACCESS, token["scope"], lifetimes.access_token),
            (REFRESH, origin.get_scope(), lifetimes.refresh_token),
        )
        for kind, scope, lifetime in kinds:
            if kind in token:
                realm.store.add_token(
                    Token(
                        digest=digest(token[kind]),
                        kind=kind,
                        grant_id=origin.grant_id,
                        client_id=oauth_request.client.client_id,
                        sub=oauth_request.user.sub,
                        scope=scope,
                        issued_at=now,
                        expires_at=now + lifetime if lifetime else None,
                        auth_time=origin.auth_time,
                    )
                )

    def handle_error_response(self, oauth_request: FormRequest | None, error: Any) -> Response:
        """Answer with an OAuth error (RFC 6749 section 5.2), noted for the request log."""
        g.error = error.error
        response: Response = super().handle_error_response(oauth_request, error)
        return response
