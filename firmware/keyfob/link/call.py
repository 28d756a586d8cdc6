"""Calling a protected API with a link's access token (RFC 6750)."""

from keyfob.oauth import bearer
from keyfob.oauth.messages import Request


async def call(link, provider, request, timeout_ms, max_body):
    """Send `request` with the token of `link` and return the reply; see `AccountLink.request`."""
    for is_last in (False, True):
        token = await link.token()
        headers = bearer.sign(request.headers, token)
        signed = Request(request.method, request.url, headers, request.body)
        reply = await provider.send(signed, timeout_ms, max_body)
        challenge = reply.headers.get("www-authenticate", "")
        if is_last or not bearer.blames_token(reply.status, challenge):
            return reply
        if not link.reject(token):
            return reply
