"""Calling a protected API with a link's access token (RFC 6750)."""

from keyfob.compat import Loaded
from keyfob.oauth import bearer
from keyfob.oauth.messages import Request


async def call(link, provider, request, timeout_ms, max_body, members, callback):
    """Send `request` with the token of `link` and return the reply; see `AccountLink.request`."""
    for is_last in (False, True):
        token = await link.token()
        headers = bearer.sign(request.headers, token)
        signed = Request(request.method, request.url, headers, request.body)
        selection = None
        if members is not None:
            with Loaded("keyfob.oauth.selection") as code:
                selection = code.select(members, callback)
            signed.filter = selection.feed
        reply = await provider.send(signed, timeout_ms, max_body)
        challenge = reply.headers.get("www-authenticate", "")
        is_refused = bearer.blames_token(reply.status, challenge)
        if is_last or not is_refused or not link.reject(token):
            if selection is not None:
                selection.check(reply)
            return reply
