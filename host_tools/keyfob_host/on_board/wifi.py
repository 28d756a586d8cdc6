"""Join each configured network anew: null once one lets the board in, else what is wrong.

What is wrong is the networks that are configured, and those of them that are in the air.
"""

import asyncio
import json
import time

from keyfob import AccountLink
from keyfob.errors import TransportError
from keyfob.net.clock import Clock
from keyfob.net.wifi import join

networks = AccountLink.from_config(notify=print).wifi
trouble = None
if networks:
    import network

    station = network.WLAN(network.STA_IF)
    station.active(True)
    station.disconnect()  # or a link with an earlier password would count
    time.sleep(1)
    try:
        heard = [bytes(row[0]) for row in station.scan()]  # not all of the air is UTF-8
    except OSError:
        heard = []
    names = [wanted["ssid"] for wanted in networks]
    try:
        asyncio.run(join(networks, Clock()))
    except TransportError as error:
        # A hidden network is not heard by its name, and yet refuses a password.
        told = getattr(error, "trouble", None)
        if told is not None and told[1] == "password":
            heard.append(told[0].encode())
        trouble = [names, [name for name in names if name.encode() in heard]]
print(json.dumps(trouble))
