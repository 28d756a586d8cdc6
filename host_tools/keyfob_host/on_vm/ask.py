"""For a PC's MicroPython VM: how a provider gets on with a board that is configured for it.

The arguments are a folder with the board's files, and what to do, one after another: `discover`,
`code` (asks for one, which nobody uses), or an address to see whether its host is trusted. Each
reply is a line of JSON, and so is what goes wrong with each.
"""

import binascii
import json
import sys

import usocket


class Address(bytearray):
    """What the VM's sockets take for an address; to the firmware it is a tuple, as on an ESP32."""

    def __init__(self, raw):
        super().__init__(raw)
        kind, host, port = usocket.sockaddr(raw)[:3]
        self.told = usocket.inet_ntop(kind, host), port

    def __getitem__(self, index):
        return self.told[index]


class Sockets:
    """`socket` with addresses as an ESP32 has them, IPv4 first."""

    def __getattr__(self, name):
        return getattr(usocket, name)

    def getaddrinfo(self, host, port, *rest):
        """Look a name up."""
        found = usocket.getaddrinfo(host, port, 0, *rest[1:] or (usocket.SOCK_STREAM,))
        found = [one[:4] + (Address(one[4]),) for one in found]
        first = [one for one in found if one[0] == usocket.AF_INET]
        return first + [one for one in found if one[0] != usocket.AF_INET]


sys.modules["socket"] = Sockets()

import asyncio

from keyfob.config import load
from keyfob.errors import KeyfobError
from keyfob.link.provider import Provider
from keyfob.net.clock import Clock
from keyfob.net.http import HttpClient
from keyfob.oauth import device_grant
from keyfob.oauth.messages import Request


class Telling(HttpClient):
    """Prints each reply."""

    async def send(self, request, *rest):
        """As HttpClient's."""
        reply = await HttpClient.send(self, request, *rest)
        body = binascii.b2a_base64(reply.body).decode()
        print(json.dumps(["reply", request.url, reply.status, reply.headers, body]))
        return reply


async def ask(folder, tasks):
    """Do each of the `tasks`, and print what goes wrong with it."""
    config = load(root=folder)
    clock = Clock()
    await clock.synchronise()
    http = Telling(config.roots(), config.allow_http, clock=clock)
    provider = Provider(config.profile, config.client, http, clock)
    for task in tasks:
        try:
            if task == "discover":
                await provider.discover(1)
            elif task == "code":
                grant = device_grant.DeviceGrant(config.profile, config.client, config.scope)
                await provider.send(grant.authorize(0))
            else:
                await http.send(Request("HEAD", task))
        except KeyfobError as error:
            print(json.dumps(["trouble", task, error.kind, error.message, error.hint]))
    await http.close()


asyncio.run(ask(sys.argv[1], sys.argv[2:]))
