"""The routes of the protocol: OAuth, OpenID Connect, discovery and the protected API."""

from __future__ import annotations

import contextlib
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import Blueprint, Response, g, jsonify, request

from .description import API, ENDPOINTS, metadata
from .faults import Fault
from .grants import ResourceProtector, claims_of
from .oauth import AuthorizationServer, read_form, read_json
from .personality import DEVICE_AUTHORIZATION, TOKEN, Misunderstood
from .realm import Realm
from .transport import HANG_UP, IS_AWAITED

# Route name -> the name that Authlib registers the endpoint under.
_FORM_ENDPOINTS = {
    "revocation": "revocation",
    "introspection": "introspection",
}


def protocol_routes(realm: Realm, server: AuthorizationServer) -> Blueprint:
    """Make the blueprint. Its functions' names are the endpoint names of the request log."""
    routes = Blueprint("protocol", __name__)
    protected = ResourceProtector(realm)

    @routes.before_request
    def go_wrong() -> Response | None:
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

    def with_form(answer: Any) -> Response:
        try:
            g.form = read_form()
            # One transaction each, so that of two at a time one exchanges a code or token.
            with realm.store.transaction():
                response: Response = answer()
        except OAuth2Error as error:
            return server.handle_error_response(None, error)
        return response

    def form_endpoint(name: str) -> Any:
        return lambda: with_form(lambda: server.create_endpoint_response(name))

    for name in _FORM_ENDPOINTS:
        routes.add_url_rule(
            ENDPOINTS[f"{name}_endpoint"], name, form_endpoint(name), methods=["POST"]
        )

    def spoken(endpoint: str) -> Response:
        """Answer what a client says in the dialect of the server's personality, if it has one."""
        dialect = realm.personality
        if dialect is not None:
            sent = read_json() if dialect.request.body_format == "json" else read_form()
            g.form = sent  # for the request log, should it mean nothing
            try:
                endpoint, g.form = dialect.hear(endpoint, sent)
            except Misunderstood as error:
                raise InvalidRequestError(str(error)) from None
        if endpoint == TOKEN:
            response: Response = server.create_token_response()
            return response
        return server.create_endpoint_response(endpoint)  # type: ignore[no-any-return]

    @routes.post(ENDPOINTS["device_authorization_endpoint"])
    def device_authorization() -> Response:
        return with_form(lambda: spoken(DEVICE_AUTHORIZATION))

    @routes.post(ENDPOINTS["token_endpoint"])
    def token() -> Response:
        return with_form(lambda: spoken(TOKEN))

    @routes.route(ENDPOINTS["userinfo_endpoint"], methods=["GET", "POST"])
    def userinfo() -> Response:
        try:
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
    def api() -> Response:
        try:
            issued = protected.acquire_token()
        except OAuth2Error as error:
            return server.handle_error_response(None, error)
        user = issued.get_user()
        return jsonify(
            account=claims_of(user, issued.scope),
            client_id=issued.token.client_id,
            scope=issued.scope,
            message=f"Hello, {user.label}!",
        )

    return routes


def _answer(fault: Fault) -> Response:
    """What is answered in the server's place; its headers are set last of all, by the app."""
    if isinstance(fault.body, str | None):
        answer = Response(fault.body or "", mimetype="text/plain")
    else:
        answer = jsonify(fault.body)
    answer.status_code = fault.status or 500
    return answer
