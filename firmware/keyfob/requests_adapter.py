"""Our token for code that already calls `requests` (`urequests`) by itself.

    import requests
    from keyfob import RequestsAdapter

    api = RequestsAdapter(link, requests, "https://api.example.com")
    reply = await api.get("https://api.example.com/v1/me", timeout=10)
    print(reply.json())
    reply.close()

`link.get` needs none of this and is the safer way. What the `requests` of a board does
not do, this cannot do either:

- it checks no certificate, so whoever sits in between can read the token;
- it follows redirects to any host, and takes the token along;
- it waits for ever unless `timeout` is given, which covers each step and not the whole;
- it blocks: no other task runs, and nothing is refreshed, until the reply is there;
- it wants a TLS connection of its own, for which a small board may have no room.

The `requests` of CPython checks certificates and takes the header off when a redirect
leaves the host.
"""

from keyfob.errors import ConfigError
from keyfob.oauth import bearer, url

_REPEATABLE = (bytes, bytearray, str, dict)  # bodies that can be sent a second time


class RequestsAdapter:
    """Sends through `module`, with the token of `link` where an address is in `origin`.

    `origin` is a scheme and a host, such as "https://api.example.com"; an http one is
    taken for this machine's loopback, and elsewhere only with `allow_http`. Whatever
    does not begin with it is sent without the token. Raises ConfigError for one that
    is no such thing.
    """

    def __init__(self, link, module, origin, allow_http=False):
        url.check(origin, "origin", allow_http)
        if origin.endswith("/"):
            origin = origin[:-1]
        if "/" in origin.partition("://")[2] or "?" in origin or "#" in origin:
            raise ConfigError("origin is more than scheme and host", "leave the path out")
        self._link = link
        self._module = module
        self._origin = origin

    async def request(self, method, address, **named):
        """Return the module's response to `method` on `address`; `named` goes to it as it is.

        A 401 that blames the token is answered by one refresh and one more try, unless
        the body is a stream and cannot be sent again. Raises what `AccountLink.token`
        raises, and what the module raises.
        """
        if not self._is_inside(address):
            return self._module.request(method, address, **named)
        headers = named.pop("headers", None) or {}
        body = named.get("data")
        is_stream = named.get("files") or not (body is None or isinstance(body, _REPEATABLE))
        tries = 1 if is_stream else 2
        while True:
            token = await self._link.token()
            signed = bearer.sign(headers, token)
            reply = self._module.request(method, address, headers=signed, **named)
            tries -= 1
            if not (
                tries
                and bearer.blames_token(reply.status_code, _challenge(reply))
                and self._link.reject(token)
            ):
                return reply
            reply.close()

    async def get(self, address, **named):
        """GET `address`; see `request`."""
        return await self.request("GET", address, **named)

    async def head(self, address, **named):
        """HEAD `address`; see `request`."""
        return await self.request("HEAD", address, **named)

    async def post(self, address, **named):
        """POST to `address`; see `request`."""
        return await self.request("POST", address, **named)

    async def put(self, address, **named):
        """PUT to `address`; see `request`."""
        return await self.request("PUT", address, **named)

    async def patch(self, address, **named):
        """PATCH `address`; see `request`."""
        return await self.request("PATCH", address, **named)

    async def delete(self, address, **named):
        """DELETE `address`; see `request`."""
        return await self.request("DELETE", address, **named)

    def _is_inside(self, address):
        """Whether `address` is the origin or below it.

        It has to begin with the origin and a slash, letter for letter: whatever follows
        the host in any other way (`#.evil.example`, `@evil.example`) is read differently
        by different parsers.
        """
        return address == self._origin or address.startswith(self._origin + "/")


def _challenge(reply):
    """The WWW-Authenticate header of a response, "" where it has none or hides its headers."""
    headers = getattr(reply, "headers", None) or {}
    for name in headers:
        if name.lower() == "www-authenticate":
            return headers[name]
    return ""
