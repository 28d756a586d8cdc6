"""Staying on the network and knowing the time, beside everything else."""

from keyfob.compat import const, drop

_LOOK = const(10_000)  # ms between two looks at Wi-Fi and the clock


class Connection:
    """The Wi-Fi of `networks` (none: it is up by other means) and the time of day.

    Events tell of both. `returned()` is called when a network that was away is back.
    """

    def __init__(self, networks, clock, events, returned):
        self.networks = networks
        self.clock = clock
        self.events = events
        self.station = None  # the platform's, once it has joined
        self.is_away = False
        self._returned = returned
        self._told = ()  # (source,) of the time that has been told of

    async def join(self, is_patient=False):
        """Get onto the network and learn the time.

        Raises TransportError where no network lets us in, unless `is_patient`: then it tries
        again for ever.
        """
        await self._load(lambda joining: joining.join(self, is_patient))
        await self.clock.synchronise()
        self._tell_time()

    async def run(self):
        """Look after both, for ever."""
        while True:
            if self.is_away or not (self.station is None or self.station.isconnected()):
                await self._load(lambda joining: joining.rejoin(self))
                await self.clock.synchronise()
                self._returned()
            self.clock.keep()
            self._tell_time()
            await self.clock.sleep(_LOOK)

    async def _load(self, task):
        """Run `task(joining)` with that module loaded."""
        from keyfob import joining

        try:
            await task(joining)
        finally:
            del joining
            drop("keyfob.joining")

    def _tell_time(self):
        source = None if self.clock.unix() is None else self.clock.source
        if self._told != (source,):
            self._told = (source,)
            self.events.tell("clock", state="unknown" if source is None else "set", source=source)
