"""Staying on the network and keeping the time, in the background."""

from keyfob.compat import Loaded, const

_LOOK = const(10_000)  # ms between two looks at Wi-Fi and the clock
_NAP = const(60_000)  # the same where there is no Wi-Fi to look after
_LONGEST = const(600_000)  # the same after errors that nobody expected


class Online:
    """The Wi-Fi of `networks` (empty: the network is up by other means) and the time of day.

    `events` are notified of both. Once a network is back, refreshes of `account` need not wait.
    """

    station = None  # the platform's, once it has joined
    is_away = False  # the network is known to be lost
    _last = ()  # (source,) of the last `clock` event

    def __init__(self, networks, clock, events, account):
        self.networks = networks
        self.clock = clock
        self.events = events
        self._account = account

    async def join(self, is_patient):
        """Join the network and set the clock.

        Raises TransportError where no network accepts the board. With `is_patient` it retries
        for ever instead.
        """
        with Loaded("keyfob.net.join") as code:
            await code.join(self, is_patient)
        await self.clock.synchronise()
        self._notify_time()

    async def run(self):
        """Keep both, for ever."""
        pause = 0
        while True:
            try:
                if self.is_away or (self.station is not None and not self.station.isconnected()):
                    await self.join(True)
                    if self._account.tokens is not None:
                        self._account.tokens.resume()
                await self.clock.keep()
                self._notify_time()
                pause = 0
            except MemoryError:
                pass  # the next look may find some
            except Exception as error:  # noqa: BLE001 - nobody else would go on
                self.events.notify_error(error)
                pause = min(2 * pause + _LOOK, _LONGEST)
            await self.clock.sleep(pause or (_NAP if self.station is None else _LOOK))

    def _notify_time(self):
        source = None if self.clock.unix() is None else self.clock.source
        if self._last != (source,):
            self._last = (source,)
            state = "unknown" if source is None else "set"
            self.events.notify("clock", state=state, source=source)
