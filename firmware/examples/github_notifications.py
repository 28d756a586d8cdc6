"""Unread GitHub notifications: how many there are, and the titles of the newest.

Provider: github, as an OAuth app: GitHub says that its notifications are not for GitHub Apps.
Scope: read:user for the name, notifications for these. It also allows to mark them as read,
which this program does not do.

    keyfob configure --wifi-ssid NETWORK --board BOARD --provider github --client-id ID \
        --scope "read:user notifications"

The panel shows the number, and below it the titles. A page of 30 notifications has some 200 KB,
of which the board keeps the titles alone, as it arrives.
"""

import asyncio

from keyfob.app import App, run
from keyfob.errors import ProviderError

ORIGIN = "https://api.github.com"
START = "/notifications?per_page=30"
WANTED = ("subject/title", "message")
PAGES = 5  # at most: 150 notifications
TITLES = 3
PAUSE = 120  # s
TIMEOUT = 30_000  # ms: such a page takes an ESP32 its time


class Notifications(App):
    since = None  # of the last reply with something new

    async def idle(self):
        self.since = None  # the link may be another account's
        while True:
            await asyncio.sleep(await self.look())

    async def look(self):
        """Ask once, and show it; return the seconds until the next time."""
        url = ORIGIN + START
        headers = {"Accept": "application/vnd.github+json"}
        if self.since is not None:
            headers["If-Modified-Since"] = self.since
        pages = self.count = 0
        self.titles: list[str] = []
        while url is not None and pages < PAGES:
            reply = await self.link.get(url, headers, TIMEOUT, members=WANTED, callback=self.take)
            wait = reply.headers.get("retry-after", "")
            if reply.status == 304:  # nothing new
                return PAUSE
            if reply.status != 200 and wait.isdigit():
                return max(int(wait), PAUSE)
            if reply.status != 200:
                raise ProviderError("GitHub says %d: %s" % (reply.status, reply.text))
            if pages == 0:
                since = reply.headers.get("last-modified")
            pages += 1
            url = next_page(reply)
            headers.pop("If-Modified-Since", None)  # that is asked of the first page
        self.since = since
        more = "" if url is None else "+"
        self.show("GitHub", "%d%s" % (self.count, more), *self.titles or ["Nothing unread"])
        return max(int(reply.headers.get("x-poll-interval", 0)), PAUSE)

    def take(self, item):
        """Called with each notification."""
        self.count += 1
        if len(self.titles) < TITLES:
            self.titles.append(item["subject"]["title"])


def next_page(reply):
    """The address of the next page, by the Link header; None behind the last one."""
    for part in reply.headers.get("link", "").split(","):
        url, _, about = part.partition(";")
        url = url.strip()[1:-1]
        if 'rel="next"' in about and url.startswith(ORIGIN + "/"):  # nobody else gets the token
            return url
    return None


run(Notifications)
