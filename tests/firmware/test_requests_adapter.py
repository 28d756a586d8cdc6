"""Our token for code that calls `requests` by itself."""

import support
from fakes import TOKEN, Board, fails, lost, tokens

from keyfob import RequestsAdapter
from keyfob.errors import ConfigError, NotLinked, TransportError

ORIGIN = "https://api.example.com"
ME = ORIGIN + "/v1/me"


class Response:
    """As much of a response as every `requests` has."""

    def __init__(self, module, status, headers):
        self.status_code = status
        self.is_closed = False
        self._module = module
        if headers is not None:
            self.headers = headers

    def close(self):
        self.is_closed = True


class Module:
    """Stands for `requests`: answers by script (status, headers) and remembers the calls."""

    def __init__(self, *script):
        self.calls = []
        self.responses = []
        self._script = list(script)

    def request(self, method, url, data=None, json=None, headers=None, timeout=None, files=None):
        # One TLS connection has to be closed before the next opens.
        assert all(response.is_closed for response in self.responses)
        self.calls.append((method, url, data, json, headers, timeout))
        status, found = self._script.pop(0) if self._script else (200, {})
        self.responses.append(Response(self, status, found))
        return self.responses[-1]

    @property
    def bearers(self):
        return [(call[4] or {}).get("Authorization") for call in self.calls]


async def adapted(*script, **changes):
    """A board, a module and the adapter between them."""
    board = Board()
    link = await board.linked(**changes)
    module = Module(*script)
    return board, module, RequestsAdapter(link, module, ORIGIN)


async def test_the_token_goes_along_and_everything_else_stays_as_it_is():
    _, module, api = await adapted()
    mine = {"X-Wanted": "yes", "authorization": "nonsense"}
    response = await api.get(ME, headers=mine, timeout=10)
    assert response is module.responses[0] and not response.is_closed
    signed = {"X-Wanted": "yes", "Authorization": "Bearer at-secret-1"}
    assert module.calls == [("GET", ME, None, None, signed, 10)]
    assert mine == {"X-Wanted": "yes", "authorization": "nonsense"}


async def test_every_method_has_its_name():
    for name in ("get", "head", "post", "put", "patch", "delete"):
        _, module, api = await adapted()
        await getattr(api, name)(ME, json={"a": 1})
        assert module.calls[0][:4] == (name.upper(), ME, None, {"a": 1})
        assert module.bearers == ["Bearer at-secret-1"]


async def test_outside_the_origin_the_token_is_never_attached():
    for address in (
        "https://other.example/v1/me",
        "http://api.example.com/v1/me",
        "https://api.example.com:8443/v1/me",
        "https://api.example.com.evil.example/",
        "https://api.example.com@evil.example/",
        "https://api.example.com#.evil.example/",
        "https://api.example.com?.evil.example/",
        "https://api.example.com\\.evil.example/",
        "https://api.example.comevil.example/",
        "https://evil.example/https://api.example.com/",
        "//api.example.com/",
        "",
    ):
        board, module, api = await adapted((401, {}))
        await api.get(address, headers={"X": "y"})
        assert module.calls == [("GET", address, None, None, {"X": "y"}, None)], address
        assert board.http.requests == []


async def test_the_whole_origin_is_inside():
    for address in (ORIGIN, ORIGIN + "/", ME, ORIGIN + "/a?b=c#d", ORIGIN + "/@evil.example"):
        _, module, api = await adapted()
        await api.get(address)
        assert module.bearers == ["Bearer at-secret-1"], address


def test_an_origin_is_a_scheme_and_a_host():
    for origin in (ORIGIN, ORIGIN + "/", "https://10.0.0.1:8443", "http://127.0.0.1:8080"):
        RequestsAdapter(None, None, origin)
    RequestsAdapter(None, None, "http://api.example.com", allow_http=True)
    for origin in (
        "http://api.example.com",
        "api.example.com",
        ORIGIN + "/v1",
        ORIGIN + "/v1/",
        ORIGIN + "//",
        ORIGIN + "?a",
        ORIGIN + "#a",
        "https://me@api.example.com",
        "https://",
        "",
        None,
    ):
        error = support.raises(ConfigError, RequestsAdapter, None, None, origin)
        assert "origin" in str(error), origin


async def test_a_401_that_blames_the_token_is_refreshed_and_repeated_once():
    for headers in (
        {"WWW-Authenticate": 'Bearer error="invalid_token"'},
        {"www-authenticate": 'Bearer realm="x"'},
        {},
        None,  # an old urequests has no headers at all
    ):
        board, module, api = await adapted((401, headers))
        board.http.answer(TOKEN, tokens(2))
        response = await api.post(ME, data="body")
        assert response.status_code == 200
        assert module.bearers == ["Bearer at-secret-1", "Bearer at-secret-2"]
        assert [call[2] for call in module.calls] == ["body", "body"]
        assert module.responses[0].is_closed and not response.is_closed
        assert board.http.count(TOKEN) == 1


async def test_a_second_401_is_the_answer():
    board, module, api = await adapted((401, {}), (401, {}), (401, {}))
    board.http.answer(TOKEN, tokens(2))
    response = await api.get(ME)
    assert response.status_code == 401 and not response.is_closed
    assert len(module.calls) == 2 and board.http.count(TOKEN) == 1


async def test_another_refusal_is_handed_on():
    for status, challenge in (
        (401, 'Bearer error="insufficient_scope"'),
        (403, 'Bearer error="invalid_token"'),
        (403, ""),
        (500, ""),
    ):
        board, module, api = await adapted((status, {"WWW-Authenticate": challenge}))
        assert (await api.get(ME)).status_code == status
        assert len(module.calls) == 1 and board.http.requests == []


async def test_without_a_refresh_token_a_401_is_handed_on():
    _, module, api = await adapted((401, {}), refresh_token=None)
    response = await api.get(ME)
    assert response.status_code == 401 and not response.is_closed
    assert len(module.calls) == 1


async def test_a_stream_is_not_sent_twice():
    def pieces():
        yield b"once"

    for named in ({"data": pieces()}, {"data": None, "files": {"a": pieces()}}):
        board, module, api = await adapted((401, {}))
        assert (await api.post(ME, **named)).status_code == 401
        assert len(module.calls) == 1 and board.http.requests == []


async def test_without_a_token_nothing_is_sent():
    module = Module()
    await fails(NotLinked, RequestsAdapter(Board().link, module, ORIGIN).get(ME))
    assert module.calls == []
    board, module, api = await adapted((401, {}))
    board.http.answer(TOKEN, lost(), ...)
    await fails(TransportError, api.get(ME))
    assert len(module.calls) == 1 and module.responses[0].is_closed


async def test_what_the_module_raises_gets_out():
    class Broken:
        def request(self, method, url, **named):
            raise OSError(110)

    board = Board()
    api = RequestsAdapter(await board.linked(), Broken(), ORIGIN)
    assert (await fails(OSError, api.get(ME))).args[0] == 110
