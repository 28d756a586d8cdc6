"""APIs of real providers as recipes call them: replies of their documented shapes, as data.

A file `apis/NAME.json` has the `origin` of an API and its `replies` by path, each with `headers`
and a `body`, or with the `list` that its items are in:

at                      the member of `body` that the items are in; without it they are the body
item, count             one item, and how many there are; `{n}` in its texts is its number from 1
every, lasts            seconds from one item's beginning to that of the next, and to its end:
                        `{start}` and `{end}` in its texts, the first within the present hour
from, to                parameters of a time: items that end before or begin behind are left out
select                  the parameter of the members that items have alone
size, default, most     the parameter of items a page, and its bounds
page or skip            the parameter of a page's number from 1, or of the items in front of it
next                    the member of `body` for the next page; without it a Link header (RFC 8288)
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

APIS = "/apis/"  # what is at https://HOST/PATH is here at /apis/HOST/PATH

_HOUR = 3600


class Answer(NamedTuple):
    """What a GET is answered."""

    status: int
    headers: dict[str, str]
    body: Any = None


def with_mocked_origins(program: str, issuer: str) -> str:
    """The text of a program that calls the server at `issuer` in the APIs' places."""
    for origin in _apis():
        program = program.replace(origin, issuer + APIS + urlsplit(origin).netloc)
    return program


def answer(address: str, query: Mapping[str, str], since: str | None, now: float) -> Answer | None:
    """The answer to a GET of `address`, /apis/HOST/PATH with the server in front.

    `since` is its If-Modified-Since, `now` Unix seconds. None where there is no such address.
    """
    host, slash, path = address.partition(APIS)[2].partition("/")
    reply = _apis().get("https://" + host, {}).get(slash + path)
    if reply is None:
        return None
    headers = dict(reply.get("headers", {}))
    if since is not None and since == headers.get("Last-Modified"):
        return Answer(304, headers)
    body = copy.deepcopy(reply.get("body", {}))
    if "list" in reply:
        about = reply["list"]
        items, following = _page(about, query, now)
        link = None if following is None else f"{address}?{urlencode(following)}"
        if link is not None and "next" in about:
            body[about["next"]] = link
        elif link is not None:
            headers["Link"] = f'<{link}>; rel="next"'
        if "at" in about:
            body[about["at"]] = items
        else:
            body = items
    return Answer(200, headers, body)


@cache
def _apis() -> dict[str, dict[str, Any]]:
    """The replies of each API by its origin."""
    files = sorted(Path(__file__).with_name("apis").glob("*.json"))
    found = [json.loads(path.read_text("utf-8")) for path in files]
    return {api["origin"]: api["replies"] for api in found}


def _page(
    about: Mapping[str, Any], query: Mapping[str, str], now: float
) -> tuple[list[Any], dict[str, str] | None]:
    """The items of the page that `query` asks for, and the query of the next one."""
    size = min(_number(query.get(about["size"]), about["default"]), about["most"])
    if "page" in about:
        skip = size * (_number(query.get(about["page"]), 1) - 1)
        following = {about["page"]: str(skip // size + 2)}
    else:
        skip = _number(query.get(about["skip"]), 0)
        following = {about["skip"]: str(skip + size)}
    places = _places(about, query, now)
    items = [_item(about, query, n, start) for n, start in places[skip : skip + size]]
    return items, {**query, **following} if len(places) > skip + size else None


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


def _places(
    about: Mapping[str, Any], query: Mapping[str, str], now: float
) -> list[tuple[int, float]]:
    """Number and beginning (Unix seconds) of each item that `query` asks for."""
    every, lasts = about.get("every", 0), about.get("lasts", 0)
    first = now // _HOUR * _HOUR
    places = [(n + 1, first + n * every) for n in range(about["count"])]
    if "from" in about and every:
        after, before = _unix(query.get(about["from"], "")), _unix(query.get(about["to"], ""))
        places = [(n, start) for n, start in places if start + lasts > after and start < before]
    return places


def _item(about: Mapping[str, Any], query: Mapping[str, str], n: int, start: float) -> Any:
    item = about["item"]
    chosen = query.get(about.get("select", ""), "")
    if chosen:
        kept = ("id", "@odata.etag", *chosen.split(","))
        item = {name: value for name, value in item.items() if name in kept}
    values = {"{n}": str(n), "{start}": _iso(start), "{end}": _iso(start + about.get("lasts", 0))}
    text = json.dumps(item)
    for name, value in values.items():
        text = text.replace(name, value)
    return json.loads(text)


def _iso(unix: float) -> str:
    return datetime.fromtimestamp(unix, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


def _unix(text: str) -> float:
    """A time of ISO 8601 in UTC as Unix seconds. Raises ValueError."""
    return datetime.fromisoformat(text.rstrip("Z")).replace(tzinfo=timezone.utc).timestamp()
