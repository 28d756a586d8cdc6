"""A lamp for the door: green while you are free in Microsoft Teams, red while you are not.

Provider: microsoft, with an account of a school or a company: others have no presence.
Scope: Presence.Read, which an administrator may have to allow; offline_access keeps the link.

    keyfob configure --wifi-ssid NETWORK --board BOARD --provider microsoft --client-id ID \
        --scope "openid profile offline_access Presence.Read" \
        --api https://graph.microsoft.com/v1.0/me/presence

The panel shows the state in words, and below it what you are doing. A NeoPixel shows its colour:
the board's own or another one; put below which pin it is on.
"""

import asyncio

from keyfob.app import App, run
from keyfob.errors import ProviderError

URL = "https://graph.microsoft.com/v1.0/me/presence"
PIN = None  # of the NeoPixel; None where there is none
PAUSE = 30  # s
GREEN, YELLOW, RED, DARK = (0, 40, 0), (40, 24, 0), (40, 0, 0), (0, 0, 0)
# By what Graph calls the state: what the panel calls it, and the colour.
STATES = {
    "Available": ("free", GREEN),
    "AvailableIdle": ("free", GREEN),
    "Away": ("away", YELLOW),
    "BeRightBack": ("away", YELLOW),
    "Busy": ("busy", RED),
    "BusyIdle": ("busy", RED),
    "DoNotDisturb": ("do not disturb", RED),
    "Focusing": ("do not disturb", RED),
    "InACall": ("busy", RED),
    "InAMeeting": ("busy", RED),
    "Offline": ("offline", DARK),
    "Presenting": ("do not disturb", RED),
}


class Lamp(App):
    pixel = None

    async def idle(self):
        if PIN is not None:
            from machine import Pin
            from neopixel import NeoPixel

            self.pixel = NeoPixel(Pin(PIN), 1)
        try:
            while True:
                await asyncio.sleep(await self.look())
        finally:
            self.light(DARK)  # the link has ended, or something went wrong

    async def look(self):
        """Ask once, and show it; return the seconds until the next time."""
        reply = await self.link.get(URL, members=("availability", "activity", "error/message"))
        wait = reply.headers.get("retry-after", "")
        if reply.status != 200 and wait.isdigit():
            return max(int(wait), PAUSE)
        if reply.status != 200:
            raise ProviderError("Microsoft says %d: %s" % (reply.status, reply.text))
        found = reply.json()
        state, colour = STATES.get(found.get("availability"), ("unknown", DARK))
        self.show("Teams", state, found.get("activity") or "")
        self.light(colour)  # after that: a new screen ends what the board's own LED shows
        return PAUSE

    def light(self, colour):
        if self.pixel is not None:
            self.pixel[0] = colour
            self.pixel.write()


run(Lamp)
