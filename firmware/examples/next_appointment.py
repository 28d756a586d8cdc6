"""The appointment that is on, or the next one, of a calendar at Microsoft: Outlook.

Provider: microsoft, with any account. (Google's is none: its sign-in for devices has no scope
for calendars. Its page among the providers says what to do instead.)
Scope: Calendars.ReadBasic reads the appointments without their texts; offline_access keeps the
link.

    keyfob configure --wifi-ssid NETWORK --board BOARD --provider microsoft --client-id ID \
        --scope "openid profile offline_access Calendars.ReadBasic" \
        --api https://graph.microsoft.com/v1.0/me/calendar

The panel shows when it begins, and below that what it is, where, and on which day. Put your time
zone below, by the name that Windows has for it.
"""

import asyncio
import time

from keyfob.app import App, run
from keyfob.errors import ProviderError

ORIGIN = "https://graph.microsoft.com"
ZONE = "W. Europe Standard Time"
WANTED = (
    "error/message",
    "value/subject",
    "value/start/dateTime",
    "value/location/displayName",
    "value/isAllDay",
    "value/isCancelled",
)
DAYS = 7
DAY = 86_400  # s
PAUSE = 300  # s


class Appointment(App):
    async def idle(self):
        while True:
            await asyncio.sleep(await self.look())

    async def look(self):
        """Ask once, and show it; return the seconds until the next time."""
        now = time.time()
        url = ORIGIN + (
            "/v1.0/me/calendarView?startDateTime=%s&endDateTime=%s&$orderby=start/dateTime"
            "&$top=10&$select=subject,start,location,isAllDay,isCancelled"
        ) % (iso(now), iso(now + DAYS * DAY))
        headers = {"Prefer": 'outlook.timezone="%s"' % ZONE}
        self.next = None
        reply = await self.link.get(url, headers, members=WANTED, callback=self.take)
        wait = reply.headers.get("retry-after", "")
        if reply.status != 200 and wait.isdigit():
            return max(int(wait), PAUSE)
        if reply.status != 200:
            raise ProviderError("Microsoft says %d: %s" % (reply.status, reply.text))
        if self.next is None:
            self.show("Calendar", "-", "Nothing in %d days" % DAYS)
        else:
            day, _, hour = self.next["start"]["dateTime"].partition("T")
            place = (self.next.get("location") or {}).get("displayName") or ""
            self.show("Calendar", hour[:5], self.next.get("subject") or "Private", place, day)
        return PAUSE

    def take(self, event):
        """Called with each appointment, the earliest first."""
        if self.next is None and not event.get("isAllDay") and not event.get("isCancelled"):
            self.next = event


def iso(seconds):
    """A time of `time.time()` in UTC, as Graph takes it."""
    return "%d-%02d-%02dT%02d:%02d:%02dZ" % tuple(time.gmtime(seconds)[:6])


run(Appointment)
