"""One board of a fleet: what it is, what befalls it, and how it stands at the end."""

import asyncio
import errno
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from board_run import stored_record

from keyfob_host.boards import load_board
from keyfob_sim.cpython import shims
from keyfob_sim.cpython.runtime import CPythonRuntime
from keyfob_sim.hardware import board as hardware
from keyfob_sim.hardware.clock import SharedClock
from keyfob_sim.hardware.power import PowerLost
from keyfob_sim.run import board_files
from keyfob_sim.run.board_faults import ACTIONS, Fault, Faults
from keyfob_sim.run.options import Given, resolve
from keyfob_sim.server import grants, records, store

from .network import DAY, Network, Streams
from .provider import GATEWAY, SIGNED_OUT, Provider
from .troubles import HOUR, draw_troubles

START = 1_795_996_800  # Unix time of 2026-11-30, when every board is switched on
QUIET = 3 * DAY  # s at the end in which nothing befalls a board any more

# Why a provider ends a link for good.
OWNER, LATE = "its owner ended it there", "a token came after its grace"

# The program of every board, beside the link: it calls an API now and then.
MAIN = """
from fleet.board import present
from keyfob.net import clock, wifi

clock.Clock.sleep = present().sleep
wifi._LOOK = 1000  # ms between two looks while it joins

from keyfob.app import App, run
from keyfob.errors import KeyfobError


class Program(App):
    async def idle(self):
        while True:
            try:
                await self.link.call_api()
            except KeyfobError as error:
                self.notify("error", error.members(False))
            await self._clock.sleep(present().plan.call_every * 1000)


run(Program)
"""

_NAP = 10_000  # ms: tasks that sleep so long, again and again, look at something
_NAP_SHARE = 1 / 4  # of the time since anything happened: so much longer a nap may be
_LONGEST_NAP = HOUR
_AHEAD = 460  # s before a token's end in which it is refreshed: twice the skew, and some more
_PERSON_STAYS = 2 * DAY  # s in which somebody approves a code and presses the button
_PERSON_COMES = 2 * DAY  # s after the end of a link
# Screens that ask for a person, who can then get a code at the latest.
_ASKING = ("user_code", "offline", "expired", "denied", "press", "sign_in_again", "error")
_REASONS_TO_PRESS = ("press", "denied", "expired", "error")

_present: "list[FleetBoard]" = []


def present() -> "FleetBoard":
    """The board that runs now."""
    return _present[-1]


@dataclass(frozen=True)
class Plan:
    """A board's hardware, provider and fate, all of it drawn from `number`. Times in s."""

    number: int
    days: int
    board: str
    config: Mapping[str, Any]
    call_every: int
    troubles: tuple[Fault, ...]
    outages: tuple[tuple[float, float, str], ...]
    ended_at: float | None  # when the provider ends the link for good


# Of 20 boards. Those with a panel take longer.
_BOARDS = ("esp32-generic",) * 16 + ("xiao-esp32c3",) * 3 + ("esp32-ssd1306",)


def plan_of(number: int, days: int) -> Plan:
    """What board `number` is to go through in so many days."""
    draw = random.Random(f"fleet {number}")
    rotation = draw.choice(("off", "grace", "grace"))
    grace = draw.choice((60, HOUR, 10 * DAY, 10 * DAY))
    config = {
        "interval": draw.choice((5, 15, 30, 60)),
        "rotation": rotation,
        "grace": grace,
        "lifetimes": {
            "access_token": HOUR * (1 if draw.random() < 0.04 else draw.choice((6, 8, 12, 24))),
            "refresh_token": draw.choice((0, 0, 30 * DAY)) if rotation == "grace" else 0,
            "device_code": draw.choice((300, 600, 900)),
        },
    }
    length = days * DAY
    troubles = draw_troubles(draw, length - QUIET, DAY)
    if rotation == "grace" and grace < DAY:
        # Nothing can be done where new tokens cannot be stored until the old ones have no grace.
        troubles = [fault for fault in troubles if fault.do != "flash_full"]
    return Plan(
        number=number,
        days=days,
        board=_BOARDS[number % len(_BOARDS)],
        config=config,
        call_every=draw.choice((3, 6, 10)) * HOUR,
        troubles=tuple(troubles),
        outages=(
            (START + length * 0.2, START + length * 0.2 + HOUR, GATEWAY),
            (START + length * 0.5, START + length * 0.5 + DAY, SIGNED_OUT),
        ),
        ended_at=length - draw.uniform(3, 5) * DAY if number % 10 == 3 else None,
    )


class _Clock(SharedClock):
    """Virtual time alone: no real second passes."""

    def __init__(self) -> None:
        super().__init__(virtual=True, virtual_time=START)
        self.power_on()

    def monotonic(self) -> float:
        return self._skipped


class _PowerOut(BaseException):
    """The board has no power: nothing of its firmware runs any more."""


class _Runtime(CPythonRuntime):
    """Runs the firmware on `owner`, whose power can go at any flash operation."""

    def __init__(self, owner: "FleetBoard") -> None:
        super().__init__(owner.hardware, owner)
        self._owner = owner
        self._loop.set_exception_handler(self._unheard)

    def run(self) -> None:
        """Power the board on, and let it run until the end."""
        clock = self._board.clock
        try:
            while not self._owner.ended:
                self._stay_off()
                cause, self._cause = self._cause, None
                if cause is None:  # main.py is over: somebody has to reset the board
                    self._pass_time()
                    continue
                try:
                    self._boot(cause)
                except (_PowerOut, PowerLost):
                    if self._cause is None:  # it went as the flash was mounted
                        self.power_went()
        finally:
            clock.fell_asleep = lambda: None
            self._cancel_all()
            self._loop.close()

    def power_went(self) -> None:
        """The power is gone, and comes back at once."""
        if self._cause != "power_on":
            self._owner.say("power_cut", {})
            self.reboot("power_on")

    def stop(self) -> None:
        """End the run."""
        self._stop_if_over()

    def _stay_off(self) -> None:
        """Let the time pass for which the board has no power."""
        while self._owner.off_until > self._board.clock.monotonic() and not self._owner.ended:
            self._pass_time(self._owner.off_until)
            self._cause = "power_on"

    def _pass_time(self, until: float | None = None) -> None:
        """Skip to what happens next, `until` at most."""
        clock = self._board.clock
        due = clock.until_due()
        assert due is not None
        clock.skip(due if until is None else min(due, until - clock.monotonic()))
        clock.run_due()

    def _unheard(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and not isinstance(error, (_PowerOut, ConnectionResetError)):
            self._owner.crashes.append(f"a task ended with {error!r}")


class FleetBoard:
    """A board on its way through a Plan, and the `Watcher` of its own run.

    `log` has all that happened to it and all that it asked, `crashes` what ended the firmware or
    a task of it, `stops` when main.py was over.
    """

    def __init__(self, plan: Plan, folder: Path, key: Mapping[str, Any], ca: Path) -> None:
        self.plan = plan
        self.draws = random.Random(f"board {plan.number}")
        self.clock = _Clock()
        self.off_until = 0.0
        self.is_full = False
        self.ended = False
        self.crashes: list[str] = []
        self.stops: list[str] = []
        self.faults: list[str] = []
        self.ends: list[str] = []  # why its provider has ended a link for good
        self._is_over = False  # so that it needs a person
        self.log: list[str] = []
        self.events: Counter[str] = Counter()
        self.happened: Counter[str] = Counter()  # faults by name
        self.screen = ""
        self.code_at = -1.0  # when a code was last shown
        self._folder = folder
        self._opened = self._told = 0  # files, and events but for calls of the API
        self._happened = (0, 0, 0)  # requests, events and files, as of the last nap
        self._quiet_since = 0.0
        self._expires_at = 0.0  # when the board's access token ends
        (folder / "flash").mkdir()
        network = Network(self.clock, random.Random(f"network {plan.number}"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hardware, "Uplink", lambda: network)
            about = replace(load_board(plan.board), led=None)  # which blinks all day long
            self.hardware = hardware.VirtualBoard(about, folder / "flash", self.clock)
        self.provider = Provider(self.clock, plan.config, plan.outages, key, ca, self.log)
        self.provider.realm.approve = "auto"
        network.server = self.provider.serve
        options = resolve(
            Given(board=plan.board, runtime="cpython", clock="virtual", approve="never"),
            terminal=False, environ={},
        )  # fmt: skip
        options = replace(options, board=about)
        board_files.install(self.hardware.flash, options, self.provider.description)
        with board_files.open_littlefs(self.hardware.flash) as fs, fs.open("/main.py", "wb") as at:
            at.write(MAIN.encode())
        self._runtime = _Runtime(self)
        own = {"power_off": self._switch_off, "flash_full": self._fill}
        has_button = bool(about.buttons)
        wanted = [f for f in plan.troubles if f.do != "press" or has_button]
        scenario = tuple(fault for fault in wanted if fault.do in ACTIONS)
        self._faults = Faults(
            scenario, self.hardware, self._runtime, self, self.provider.realm.faults
        )
        for fault in wanted:
            if fault.do in own:
                self._at(fault.at or 0, lambda fault=fault: own[fault.do](fault.fields))
        self.provider.store.ended = lambda: self._ended(LATE)
        if plan.ended_at is not None:
            self._at(plan.ended_at, self._revoke)
        self._at(_PERSON_STAYS, self._person_leaves)
        self._at(plan.days * DAY, self._end)

    def run(self) -> None:
        """Run it to its end."""
        _present.append(self)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(shims, "_Asyncio", Streams)
                patch.setattr(shims, "_Files", self._make_files)
                secrets = _Secrets(self.draws)
                for module in (records, grants):
                    patch.setattr(module, "secrets", secrets)
                patch.setattr(store, "_PRUNE_EVERY", DAY)  # it takes long
                self._runtime.run()
        finally:
            _present.pop()
            self.hardware.close()

    @property
    def t(self) -> float:
        """Seconds since it was switched on."""
        return self.clock.monotonic()

    def stored_tokens(self) -> Mapping[str, Any]:
        """The tokens on its flash."""
        try:
            return stored_record(self._folder).get("tokens") or {}
        except AssertionError:
            return {}

    # What its firmware is given

    async def sleep(self, ms: int) -> None:
        """In place of `Clock.sleep`: naps of a board that does nothing are longer."""
        await asyncio.sleep(self._stretched(ms) / 1000)

    def _stretched(self, ms: int) -> int:
        """How long a nap of so many ms is to be, a whole number of them."""
        if ms < _NAP:
            return ms
        happened = self.provider.busy, self._told, self._opened
        if happened != self._happened:
            self._happened = happened
            self._quiet_since = self.t
        due = self.clock.until_due()
        longest = min(_LONGEST_NAP, due or 0.0, (self.t - self._quiet_since) * _NAP_SHARE)
        left = self._expires_at - _AHEAD - self.clock.now()
        if left > -_AHEAD:
            longest = min(longest, max(0.0, left))
        return max(1, int(longest * 1000) // ms) * ms

    def _make_files(self, fs: Any) -> "_Files":
        return _Files(fs, self)

    # What befalls it

    def _at(self, seconds: float, action: Callable[[], object]) -> None:
        self.clock.after(seconds - self.clock.run_time(), action)

    def _switch_off(self, fields: Mapping[str, Any]) -> None:
        self.say("fault", {"do": "power_off", **fields})
        self.off_until = self.clock.monotonic() + fields["for"]
        self._runtime.reboot("power_on")

    def _fill(self, fields: Mapping[str, Any]) -> None:
        self.say("fault", {"do": "flash_full", **fields})
        self.is_full = True
        self.clock.after(fields["for"], lambda: setattr(self, "is_full", False))

    def note_file(self) -> None:
        """The firmware opens a file."""
        self._opened += 1

    def power_went(self) -> None:
        """The power went at a flash operation."""
        self._runtime.power_went()

    def _person_leaves(self) -> None:
        self.provider.realm.approve = None

    def _revoke(self) -> None:
        """The owner ends the link on the provider's page."""
        self.provider.store.revoke_all()
        self._ended(OWNER)

    def _ended(self, why: str) -> None:
        """The provider has truly ended the link: somebody has to sign in again."""
        if self._is_over:
            return
        self._is_over = True
        self.log.append(f"{self.t:.1f} -- the link is over: {why}")
        self.ends.append(why)
        self.clock.after(_PERSON_COMES, self._visit)

    def _visit(self) -> None:
        """A person comes to link the board again, as it asks."""
        self.log.append(f"{self.t:.1f} -- a person comes")
        if self.screen not in _ASKING:
            self.faults.append(f"its link is over, but it shows {self.screen}")
        self.provider.realm.approve = "auto"
        if not self.hardware.press():
            self._runtime.reboot("power_on")

    def _end(self) -> None:
        self.ended = True
        self._runtime.stop()

    # A Watcher

    def booted(self, cause: str) -> None:
        """The firmware starts."""
        self.say("boot", {"cause": cause})

    def hear(self, line: str) -> None:
        """Take a line of the serial port."""
        if line.startswith("@{"):
            members = json.loads(line[1:])
            self.say(members.pop("event"), members)

    def say(self, event: str, members: Mapping[str, Any]) -> None:
        """Something happened."""
        self.events[event] += 1
        self._told += event != "api"
        self.log.append(f"{self.t:.1f} {event} {json.dumps(members)}")
        if event == "fault":
            self.happened[members["do"]] += 1
        elif event == "user_code":
            self.code_at = self.t
        elif event in ("linked", "refreshed"):
            self._expires_at = self.provider.expires_at
            if not members.get("stored"):  # else it does not know yet that its link is over
                self._is_over = False
            self._person_leaves()
        elif event == "screen":
            self.screen = members["name"]
            if self.provider.realm.approve and self.screen in _REASONS_TO_PRESS:
                self.hardware.press()
        self._faults.see(event)

    def stopped(self) -> None:
        """main.py has ended: the board stands still."""
        self.stops.append(f"{self.t:.0f}: main.py is over, at the screen {self.screen}")
        self.log.append(self.stops[-1])

    def fail(self, kind: str, message: str, hint: str) -> None:
        """The firmware has crashed."""
        self.crashes.append(f"{self.t:.0f}: {message}")
        self.log.append(self.crashes[-1])


class _Files(shims._Files):
    """The files of a board that may lose its power, or have no room."""

    def __init__(self, fs: Any, board: FleetBoard) -> None:
        super().__init__(fs)
        self._board = board
        self.urandom = board.draws.randbytes  # type: ignore[method-assign]

    def open(self, path: str, mode: str = "r", encoding: str = "utf-8") -> Any:
        """As a board's."""
        self._board.note_file()
        self._need_power()
        if "w" in mode and self._board.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        options: dict[str, Any] = {} if "b" in mode else {"encoding": encoding}
        file = super()._try(lambda: self._fs.open(path, mode, **options))
        if self._fs._power.lost:
            file.close()  # littlefs wants every file closed
            self._need_power()
        return shims._File(file, self._try)

    def _try(self, call: Callable[[], Any]) -> Any:  # type: ignore[override]
        result = super()._try(call)  # on a copy of the flash, once the power has gone
        self._need_power()
        return result

    def _need_power(self) -> None:
        if self._fs._power.lost:
            self._board.power_went()
            raise _PowerOut


class _Secrets:
    """What the server draws, from a seed."""

    def __init__(self, draws: random.Random) -> None:
        self.choice = draws.choice
        self._draws = draws

    def token_urlsafe(self, count: int) -> str:
        """As in `secrets`."""
        return self.token_hex(count)[: count * 4 // 3 + 1]

    def token_hex(self, count: int) -> str:
        """As in `secrets`."""
        return self._draws.randbytes(count).hex()
