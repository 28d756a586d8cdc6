"""A main.py of your own: the board links as ever, then its panel shows a reading.

App does the linking, its screens and the button; `idle` begins once the board is linked. What it
raises is shown, too, with file and line, and it begins again after a while.
"""

import asyncio

from keyfob.app import App, run

API = "https://api.example.com/v1/me"  # put yours here
PAUSE = 600  # s


class Reading(App):
    async def idle(self):
        while True:
            reply = await self.link.get(API)
            text = str(reply.json()["message"])
            print(text)
            self.show("My reading", text, "every 10 minutes")
            await asyncio.sleep(PAUSE)


run(Reading)
