"""Give our token to code that calls `requests` (`urequests`) by itself.

Reads /keyfob.json. Mind what `requests` on a board does not do: it checks no certificate,
keeps headers across redirects, and waits for ever without a timeout. `link.get` does
better; this is for code that you would rather not change.
"""

import asyncio

import requests

from keyfob import AccountLink, RequestsAdapter

ORIGIN = "https://api.example.com"  # the only place that gets the token


async def main():
    async with AccountLink.from_config("/keyfob.json") as link:
        await link.ensure_linked()
        api = RequestsAdapter(link, requests, ORIGIN)
        reply = await api.get(ORIGIN + "/v1/me", timeout=10)
        try:
            print(reply.status_code, reply.json())
        finally:
            reply.close()


asyncio.run(main())
