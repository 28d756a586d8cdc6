"""What a sensor, a lock or a thermostat of Home Assistant says.

Home Assistant has no sign-in for devices: it issues tokens to browsers, and by hand one for ten
years. So a proxy stands in front of it here, such as oauth2-proxy. That takes the tokens of a
provider that has such a sign-in, Keycloak say, and asks Home Assistant with a token that never
leaves your house. A board that is stolen is then unlinked at the provider. It is not tried out
with a real Home Assistant yet.

Provider: keycloak, or any that the proxy trusts.
Scope: openid profile offline_access, which is Keycloak's in any case.

    keyfob configure --wifi-ssid NETWORK --board BOARD --client-id ID \
        --provider keycloak:domain=id.example.com,realm=home --api https://home.example.com/api/

The panel shows the first of the states below large, and the others as lines. Put your proxy's
address and the entities that you want below.
"""

import asyncio

from keyfob.app import App, run
from keyfob.errors import ProviderError

ORIGIN = "https://home.example.com"
ENTITIES = ("sensor.living_room_temperature", "weather.home", "lock.front_door")
WANTED = ("state", "message", "attributes/friendly_name", "attributes/unit_of_measurement")
PAUSE = 60  # s


class Home(App):
    async def idle(self):
        while True:
            await asyncio.sleep(await self.look())

    async def look(self):
        """Ask once for each, and show it; return the seconds until the next time."""
        found = []
        for entity in ENTITIES:
            reply = await self.link.get(ORIGIN + "/api/states/" + entity, members=WANTED)
            wait = reply.headers.get("retry-after", "")
            if reply.status != 200 and wait.isdigit():
                return max(int(wait), PAUSE)
            if reply.status == 404:
                found.append((entity, "unknown"))
            elif reply.status != 200:
                raise ProviderError("%s: %d %s" % (entity, reply.status, reply.text))
            else:
                found.append(told(entity, reply.json()))
        (name, value), *others = found
        self.show(name, value, *["%s: %s" % pair for pair in others])
        return PAUSE


def told(entity, found):
    """Name and state of an entity, as a person says them."""
    about = found.get("attributes") or {}
    unit = about.get("unit_of_measurement")
    state = found.get("state") or "unknown"
    return about.get("friendly_name") or entity, "%s %s" % (state, unit) if unit else state


run(Home)
