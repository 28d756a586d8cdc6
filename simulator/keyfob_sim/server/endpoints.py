"""The routes of the protocol: OAuth, OpenID Connect, discovery and the protected API."""

from __future__ import annotations

import contextlib
from functools import partial
from http import HTTPStatus

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import Blueprint, Response, g, jsonify, make_response, request

from .apis import APIS, answer
from .discovery import API, ENDPOINTS, REFRESH, metadata
from .faults import Fault
from .grants import ResourceProtector, claims_of
from .http_server import HANG_UP, IS_AWAITED
from .oauth import AuthorizationServer, read_form, read_json
from .personality import DEVICE_AUTHORIZATION, TOKEN, TRANSLATED, DialectError
from .realm import Realm

# Route names; all but the token's are those that Authlib registers the endpoint under.
_FORM_ENDPOINTS = (DEVICE_AUTHORIZATION, TOKEN, "revocation", "introspection")


def refreshes_elsewhere(realm: Realm) -> bool:
    """Whether there is an address for refreshes, which other routes do not depend on."""
    return realm.personality is not None and realm.personality.request.refresh_address


def protocol_routes(realm: Realm, server: AuthorizationServer) -> Blueprint:
    """Make the blueprint. Its functions' names are the endpoint names of the request log."""
    routes = Blueprint("protocol", __name__)
    protected = ResourceProtector(realm)

    @routes.before_request
    def apply_fault() -> Response | None:
        fault = realm.faults.take((request.endpoint or "").rpartition(".")[2])
        if fault is None:
            return None
        g.fault = fault
        if fault.delay:
            realm.sleep(fault.delay, request.environ.get(IS_AWAITED, lambda: True))
        if fault.lost or fault.drop:
            request.environ[HANG_UP] = True
        if not (fault.drop or fault.status or realm.is_closed):
            return None
        with contextlib.suppress(OAuth2Error):
            g.form = read_form()  # for the request log
        return _answer(fault)

    def read_request(endpoint: str) -> str:
        """Read a request into `g.form`; return the endpoint that it turns out to be for."""
        dialect = realm.personality
        if dialect is None or endpoint not in TRANSLATED:
            g.form = read_form()
            return endpoint
        is_json = dialect.request.body_format == "json"
        g.form = read_json() if is_json else read_form(dialect.request.query)
        try:
            endpoint, g.form = dialect.translate_request(endpoint, g.form, request.path == REFRESH)
        except DialectError as error:
            raise InvalidRequestError(str(error)) from None
        return endpoint

    def endpoint_view(name: str) -> Response:
        try:
            endpoint = read_request(name)
            # One transaction each, so that of two at a time one exchanges a code or token.
            with realm.store.transaction():
                response: Response = (
                    server.create_token_response()
                    if endpoint == TOKEN
                    else server.create_endpoint_response(endpoint)
                )
        except OAuth2Error as error:
            return server.handle_error_response(None, error)
        return response

    for name in _FORM_ENDPOINTS:
        routes.add_url_rule(
            ENDPOINTS[f"{name}_endpoint"], name, partial(endpoint_view, name), methods=["POST"]
        )
    if refreshes_elsewhere(realm):
        routes.add_url_rule(REFRESH, TOKEN, methods=["POST"])  # the same view

    @routes.route(ENDPOINTS["userinfo_endpoint"], methods=["GET", "POST"])
    def userinfo() -> Response:
        try:
            if realm.personality is not None and realm.personality.account:
                user = protected.acquire_token().get_user()
                return jsonify(realm.personality.tell_account({"sub": user.sub, **user.claims}))
            response: Response = server.create_endpoint_response("userinfo")
        except OAuth2Error as error:
            return server.handle_error_response(None, error)
        return response

    @routes.get(ENDPOINTS["jwks_uri"])
    def jwks() -> Response:
        return jsonify(keys=[realm.key.as_dict(private=False)])

    @routes.get("/.well-known/openid-configuration")
    @routes.get("/.well-known/oauth-authorization-server")
    def discovery() -> Response:
        return jsonify(metadata(realm))

    @routes.get(API)
    @routes.get(APIS + "<path:place>")
    def api(place: str | None = None) -> Response:
        try:
            issued = protected.acquire_token()
        except OAuth2Error as error:
            return server.handle_error_response(None, error)
        if place is not None:
            return _mocked(realm, place)
        user = issued.get_user()
        return jsonify(
            account=claims_of(user, issued.scope),
            client_id=issued.token.client_id,
            scope=issued.scope,
            message=f"Hello, {user.label}!",
        )

    return routes


def _mocked(realm: Realm, place: str) -> Response:
    """The answer of an API of somebody else's."""
    since = request.headers.get("If-Modified-Since")
    try:
        found = answer(realm.issuer + APIS + place, request.args, since, realm.now())
    except ValueError:
        return make_response(jsonify(error="invalid_request"), 400)
    if found is None:
        return make_response(jsonify(error="not_found"), 404)
    body = jsonify(found.body) if found.status == HTTPStatus.OK else Response()
    body.headers.update(found.headers)
    return make_response(body, found.status)


def _answer(fault: Fault) -> Response:
    """The answer that a fault scripts; the app sets its headers, after all others."""
    if isinstance(fault.body, str | None):
        answer = Response(fault.body or "", mimetype="text/plain")
    else:
        answer = jsonify(fault.body)
    answer.status_code = fault.status or 500
    return answer
