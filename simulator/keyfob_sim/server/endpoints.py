"""The routes of the protocol: OAuth, OpenID Connect, discovery and the protected API."""

from __future__ import annotations

from typing import Any

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, g, jsonify

from .description import API, ENDPOINTS, metadata
from .grants import ResourceProtector, claims_of
from .oauth import AuthorizationServer, read_form
from .realm import Realm

# Route name -> the name that Authlib registers the endpoint under.
_FORM_ENDPOINTS = {
    "device_authorization": "device_authorization",
    "revocation": "revocation",
    "introspection": "introspection",
}


def protocol_routes(realm: Realm, server: AuthorizationServer) -> Blueprint:
    """Make the blueprint. Its functions' names are the endpoint names of the request log."""
    routes = Blueprint("protocol", __name__)
    protected = ResourceProtector(realm)

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

    @routes.post(ENDPOINTS["token_endpoint"])
    def token() -> Response:
        return with_form(server.create_token_response)

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
