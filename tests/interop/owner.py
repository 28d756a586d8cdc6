"""The owner of a device: walks an authorization server's pages as a browser would.

Knows nothing of the server but HTML: follows redirects, keeps cookies, fills in the one form of
each page, and runs no script (a form that would submit itself is submitted).
"""

import ssl
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPSHandler, ProxyHandler, build_opener

PAGES = 12  # more than any sign-in here takes
PATIENCE = 20  # seconds for one page


@dataclass
class Form:
    """Where a form goes and what its fields hold so far."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Page(HTMLParser):
    """The forms of a page and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(attributes["action"]))
        elif tag == "input" and self.forms and attributes.get("name"):
            self.forms[-1].fields[attributes["name"]] = attributes.get("value", "")

    def handle_data(self, data: str) -> None:
        self.text += data


class Owner:
    """A person called `name`, with a browser of their own that trusts `ca` (a PEM's path)."""

    def __init__(self, name: str = "ada", ca: str | None = None) -> None:
        self.name = name
        self._browser = build_opener(
            ProxyHandler({}),
            HTTPCookieProcessor(CookieJar()),
            HTTPSHandler(context=ssl.create_default_context(cafile=ca)),
        )

    def approve(self, address: str) -> str:
        """Open a complete verification URI and agree to everything; the last page's text."""
        return self._walk(address, {})

    def deny(self, address: str) -> str:
        """Open a complete verification URI and abort where it asks to confirm the code."""
        return self._walk(address, {"confirm": "abort"})

    def _walk(self, address: str, instead: dict[str, str]) -> str:
        """Submit form after form; a field named in `instead` goes out under the other name."""
        url, page = self._open(address)
        for _ in range(PAGES):
            if not page.forms:
                return page.text
            form = page.forms[0]
            answers = {"login": self.name, "password": "any"}
            fields = {
                instead.get(name, name): answers.get(name, value)
                for name, value in form.fields.items()
            }
            url, page = self._open(urljoin(url, form.action), fields)
            if fields.keys() & instead.values():
                return page.text
        raise AssertionError(f"still a form after {PAGES} pages: {page.text.split()}")

    def _open(self, url: str, fields: dict[str, str] | None = None) -> tuple[str, _Page]:
        data = urlencode(fields).encode() if fields else None
        try:
            with self._browser.open(url, data, timeout=PATIENCE) as reply:
                return reply.url, _Page(reply.read().decode())
        except HTTPError as error:
            # A page that tells the owner of an error is a page too.
            return url, _Page(error.read().decode())
