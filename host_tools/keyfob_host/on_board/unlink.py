"""Give the tokens back and forget them; without a network, forget them."""

import asyncio

from keyfob.app import print_event
from keyfob.errors import KeyfobError, TransportError
from keyfob.link import AccountLink


async def unlink():
    try:
        link = AccountLink.from_config(notify=print_event)
        try:
            async with link:
                await link.unlink()
        except TransportError:  # the provider cannot be told: erase all the same
            from keyfob.storage.open_store import open_store

            open_store().erase()
            print_event("unlinked", {"revoked": False})
    except KeyfobError as error:
        print_event("error", error.members(True))


asyncio.run(unlink())
