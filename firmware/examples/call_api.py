"""Link this board to an account, and call an API as that account.

Reads /keyfob.json. The code appears on the serial console, until somebody approves.
"""

import asyncio

from keyfob import AccountLink

API = "https://api.example.com/v1/me"  # put yours here


async def main():
    async with AccountLink.from_config("/keyfob.json") as link:
        await link.ensure_linked()
        reply = await link.get(API)
        print(reply.status, reply.json())


asyncio.run(main())
