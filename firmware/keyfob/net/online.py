"""Staying on the network and knowing the time, beside everything else."""

from keyfob.compat import Loaded, const

_LOOK = const(10_000)  # ms between two looks at Wi-Fi and the clock
_NAP = const(60_000)  # the same where there is no Wi-Fi to look after


class Online:
    """The Wi-Fi of `networks` (none: it is up by other means) and the time of day.

    Events tell of both. Where a network comes back, refreshes of `account` need not wait.
    """

    station = None  # the platform's, once it has joined
    is_away = False  # it is known that the network is not there
    _told = ()  # (source,) of the time that has been told of

    def __init__(self, networks, clock, events, account):
        self.networks = networks
        self.clock = clock
        self.events = events
        self._account = account

    async def join(self, is_patient):
        """Get onto the network and learn the time.

        Raises TransportError where no network lets us in, unless `is_patient`: then it tries
        again for ever.
        """
        await self._join(is_patient)
        await self.clock.synchronise()
        self._tell_time()

    async def run(self):
        """Look after both, for ever."""
        while True:
            if self.is_away or (self.station is not None and not self.station.isconnected()):
                await self.join(True)
                if self._account.tokens is not None:
                    self._account.tokens.resume()
            self.clock.keep()
            self._tell_time()
            await self.clock.sleep(_NAP if self.station is None else _LOOK)

    async def _join(self, is_patient):
        with Loaded("keyfob.net.join") as code:
            await code.join(self, is_patient)

    def _tell_time(self):
        source = None if self.clock.unix() is None else self.clock.source
        if self._told != (source,):
            self._told = (source,)
            state = "unknown" if source is None else "set"
            self.events.notify("clock", state=state, source=source)
