"""A main.py of your own: the board links as ever, then its panel shows a reading.

App does the linking, its screens and the button; `idle` begins once the board is linked.
"""

from keyfob.compat import tidy_heap

tidy_heap()

import asyncio

from keyfob.app import App, run
from keyfob.errors import KeyfobError, NotLinked

API = "https://api.example.com/v1/me"  # put yours here
PAUSE = 600  # s


class Reading(App):
    text = "..."

    async def idle(self):
        while True:
            try:
                reply = await self.link.get(API)
                self.text = str(reply.json()["message"])
            except NotLinked:
                raise  # the link has ended
            except (KeyfobError, ValueError, KeyError) as error:
                self.text = str(error)  # what passes: no Wi-Fi, a server on a bad day
            print(self.text)
            self.draw()
            await asyncio.sleep(PAUSE)

    def came_up(self, screen):
        if screen == "idle":  # 10 s after the board is linked, or a person has looked
            self.draw()

    def draw(self):
        panel = self.display
        if hasattr(panel, "fill"):  # else it is the console
            panel.fill(0)
            panel.text(self.text, 0, 0)
            panel.show()


run(Reading)
