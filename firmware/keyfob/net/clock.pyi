from typing import Literal, TypeAlias

from keyfob.oauth.ticks import Stopwatch

_Source: TypeAlias = Literal["rtc", "ntp", "http"]

class Clock:
    source: _Source | None
    asked: int  # internal
    failed: int  # internal
    date: tuple[str | None, Stopwatch] | None  # internal
    proof: tuple[int, Stopwatch] | None  # internal
    doubt: tuple[int, Stopwatch] | None  # internal
    rest: tuple[int, Stopwatch] | None  # internal
    def ticks(self) -> int: ...
    def unix(self) -> int | None: ...
    async def sleep(self, ms: int) -> None: ...
    def jitter(self, limit: int) -> int: ...  # internal
    async def synchronise(self) -> _Source | None: ...
    def note_date(self, date: str | None) -> None: ...  # internal
    async def keep(self) -> None: ...  # internal
    def epoch(self) -> int: ...  # internal
    def credible(self, unix: int) -> int | None: ...  # internal
    def calendar(self, unix: int) -> tuple[int, int, int, int, int, int]: ...  # internal
