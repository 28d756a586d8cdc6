"""Our token for code that already calls `requests` (`urequests`) by itself.

    import requests
    from keyfob import RequestsAdapter

    api = RequestsAdapter(link, requests, "https://api.example.com")
    reply = await api.get("https://api.example.com/v1/me", timeout=10)
    print(reply.json())
    reply.close()

`link.get` is safer. The limits of a board's `requests` apply here, too:

- it checks no certificate, so an attacker on the network can read the token;
- it follows redirects to any host, and sends the token there;
- it waits for ever unless `timeout` is given, and that limits each step, not the whole call;
- it blocks: no other task runs, and nothing is refreshed, until the reply has arrived;
- it opens a second TLS connection, which may not fit in a small board's RAM.

The `requests` of CPython checks certificates, and removes the header when a redirect leads to
another host.
"""

from keyfob.errors import ConfigError
from keyfob.oauth import bearer, url

_REPEATABLE = (bytes, bytearray, str, dict)  # bodies that can be sent a second time


class RequestsAdapter:
    """Sends through `module`, with the token of `link` where an address is in `origin`.

    `origin` is a scheme and a host, such as "https://api.example.com". http is accepted for
    this machine's loopback, and for other hosts only with `allow_http`. A request to any other
    address is sent without the token. Raises ConfigError for an invalid origin.
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
        """Return the module's response to `method` on `address`; `named` is passed on unchanged.

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

        It has to begin with exactly the origin and a slash. Parsers disagree on anything else
        behind a host (`#.evil.example`, `@evil.example`).
        """
        return address == self._origin or address.startswith(self._origin + "/")


def _challenge(reply):
    """The WWW-Authenticate header of a response, "" where it has none or no `headers`."""
    headers = getattr(reply, "headers", None) or {}
    for name in headers:
        if name.lower() == "www-authenticate":
            return headers[name]
    return ""
