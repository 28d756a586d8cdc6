"""Scripted faults of a virtual board: the scenario of `--faults FILE`, read and played.

[[fault]]
at = 12.5               # seconds after the run's power-on
do = "wifi_lost"        # one of ACTIONS
for = 60                # its own fields

[[fault]]
on = "poll"             # an event of --json,
count = 2               # the second of its kind,
after = 0.5             # and so many seconds later
do = "reset"
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args

from keyfob_host.errors import UsageError
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.hardware.clock import Timer
from keyfob_sim.hardware.power import How
from keyfob_sim.hardware.uplink import REFUSED, SILENT, is_staged
from keyfob_sim.run.options import SimOptions
from keyfob_sim.run.runtime_interface import Runtime, Watcher
from keyfob_sim.server.faults import MEMBERS, FaultError, FaultQueue, Kind, is_seconds, is_whole
from keyfob_sim.server.faults import parse as parse_server_fault

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Fields = Mapping[str, Any]

# What a fault can wait for: the events of a board, by their names in --json.
EVENTS = (
    "boot",
    "wifi",
    "clock",
    "user_code",
    "poll",
    "linked",
    "refreshed",
    "api",
    "screen",
    "denied",
    "expired",
    "unlinked",
    "power_cut",
    "error",
)
_NOT_REPORTED = ("body", "headers")  # fields that may hold anything, secrets too
_MOST = 1_000_000
_LONGEST_JUMP = 100_000_000  # s, three years


@dataclass(frozen=True)
class Fault:
    """One entry of a scenario: what to do, and when. Times are in seconds.

    Either `at` says when, or it is `after` the `count`-th event `on`.
    """

    do: str
    fields: Fields = field(default_factory=dict)
    at: float | None = None
    on: str | None = None
    count: int = 1
    after: float = 0.0


class _Refused(Exception):
    """Why an entry is refused, and what to try."""

    def __init__(self, why: str, hint: str | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


class Action(NamedTuple):
    """What a fault does, with which fields, and what ends it once its field `for` is over.

    `ends` names the lasting fault that it ends; `check` raises _Refused for fields that the run
    cannot have; `is_reported` is False for one that reports itself when it takes effect.
    """

    start: Callable[[Faults, Fields], object]
    fields: Mapping[str, Kind] = {}
    needed: tuple[str, ...] = ()
    stop: Callable[[Faults], object] | None = None
    ends: str | None = None
    check: Callable[[SimOptions, Fields], object] | None = None
    is_reported: bool = True


class Faults:
    """Plays a scenario on one run of a board; everything happens in the board's thread.

    `server` is the embedded server's queue, None for a foreign server.
    """

    def __init__(
        self,
        scenario: tuple[Fault, ...],
        board: VirtualBoard,
        runtime: Runtime,
        watcher: Watcher,
        server: FaultQueue | None = None,
    ) -> None:
        self.board = board
        self.runtime = runtime
        self.watcher = watcher
        self.server = server
        self._scenario = scenario
        self._seen: Counter[str] = Counter()
        self._ends: dict[str, Timer] = {}

    def see(self, event: str) -> None:
        """Note an event of the run, and schedule the faults that it triggers."""
        is_power_on = event == "boot" and not self._seen[event]
        self._seen[event] += 1
        for fault in self._scenario:
            if fault.on == event and fault.count == self._seen[event]:
                self._set(fault.after, fault)
            elif fault.at is not None and is_power_on:
                self._set(fault.at, fault)

    def trigger(self, do: str, fields: Fields) -> None:
        """Start a fault now, unless the run is over."""
        if self.watcher.ended:
            return
        action = ACTIONS[do]
        end = self._ends.pop(action.ends or do, None)
        if end is not None:
            end.cancel()
        if action.is_reported:
            self.report(do, fields)
        action.start(self, fields)
        if action.stop is not None and "for" in fields:
            self._ends[do] = self.board.clock.after(fields["for"], lambda: self.end(do))

    def end(self, do: str) -> None:
        """End one that lasts, at its time or before it, unless the run is over."""
        if self.watcher.ended:
            return
        timer = self._ends.pop(do, None)
        if timer is not None:
            timer.cancel()
        stop = ACTIONS[do].stop
        assert stop is not None
        stop(self)
        self.report(do, {}, over=True)

    def report(self, do: str, fields: Fields, *, over: bool = False) -> None:
        """Report a fault that starts, or is over, as an event `fault`."""
        shown = {name: value for name, value in fields.items() if name not in _NOT_REPORTED}
        self.watcher.say("fault", {"do": do, "over": over, **shown})

    def _set(self, seconds: float, fault: Fault) -> None:
        self.board.clock.after(seconds, lambda: self.trigger(fault.do, fault.fields))


# What each fault does


def _cut_power(faults: Faults, fields: Fields) -> None:
    if "op" in fields:
        faults.board.power.cut_in(fields["op"], fields.get("how", "torn"))
        return
    faults.watcher.say("power_cut", {"op": None})
    faults.runtime.reboot("power_on")


def _brown_out(faults: Faults, fields: Fields) -> None:
    board = faults.board

    def fail() -> None:
        if not faults.watcher.ended:
            faults.report("brown_out", fields)
            faults.runtime.reboot("power_on")

    def dip() -> None:
        board.joining = lambda: None
        board.clock.after(0, fail)  # not while the firmware's call is being served

    board.joining = dip


def _ask_server(faults: Faults, fields: Fields) -> None:
    assert faults.server is not None
    faults.server.add(parse_server_fault(fields))


def _press(faults: Faults, fields: Fields) -> None:
    seconds = {"seconds": fields["for"]} if "for" in fields else {}
    faults.board.press(fields.get("button"), **seconds)


def _turn_clock(faults: Faults, fields: Fields) -> None:
    rtc = faults.board.rtc
    rtc.set(rtc.seconds() + fields["seconds"])


# What a run cannot have


def _check_power_cut(options: SimOptions, fields: Fields) -> None:
    if options.runtime == "cpython":
        raise _Refused(
            "needs the micropython runtime: CPython survives no loss of power",
            "leave --runtime out",
        )
    if "how" in fields and "op" not in fields:
        raise _Refused("has 'how' without 'op'", "op = 1, the next flash operation")


def _check_server(options: SimOptions, fields: Fields) -> None:
    if not options.embedded:
        raise _Refused(
            "needs the embedded server: any other goes its own way",
            "leave --issuer and --provider out",
        )
    try:
        parse_server_fault(fields)
    except FaultError as error:
        raise _Refused(f"makes no sense: {error}") from None


def _check_press(options: SimOptions, fields: Fields) -> None:
    board = options.board
    names = [button.name for button in board.buttons]
    if not names:
        raise _Refused(f"needs a button, and {board.name} has none", "another --board")
    if fields.get("button", names[0]) not in names:
        raise _Refused(
            f"needs a button of {board.name}, not {fields['button']!r}",
            f"button = {' or '.join(repr(name) for name in names)}",
        )


_SECONDS = Kind(is_seconds, "a number of seconds from 0 up")
_STEP = Kind(
    lambda value: isinstance(value, (int, float)) and abs(value) <= _LONGEST_JUMP,
    f"a number of seconds from -{_LONGEST_JUMP} to {_LONGEST_JUMP}",
)
_COUNT = Kind(lambda value: is_whole(value, 1, _MOST), "a whole number from 1 up")
_HOW = Kind(lambda value: value in get_args(How), f"one of {', '.join(get_args(How))}")
_TEXT = Kind(lambda value: isinstance(value, str), "a text")
_ADDRESSES = Kind(
    lambda value: isinstance(value, list) and bool(value) and all(map(is_staged, value)),
    f"a list of IP addresses, {REFUSED!r} and {SILENT!r}",
)
_LASTING = {"for": _SECONDS}

ACTIONS: dict[str, Action] = {
    "wifi_lost": Action(
        lambda faults, _: faults.board.lose_wifi(),
        _LASTING,
        stop=lambda faults: faults.board.restore_wifi(),
    ),
    "wifi_back": Action(lambda faults, _: faults.board.restore_wifi(), ends="wifi_lost"),
    "wrong_password": Action(
        lambda faults, _: faults.board.change_password(),
        _LASTING,
        stop=lambda faults: faults.board.restore_password(),
    ),
    "dns_fails": Action(
        lambda faults, _: setattr(faults.board.uplink, "dns", False),
        _LASTING,
        stop=lambda faults: setattr(faults.board.uplink, "dns", True),
    ),
    "addresses": Action(
        lambda faults, fields: faults.board.uplink.names.update({fields["host"]: fields["to"]}),
        {"host": _TEXT, "to": _ADDRESSES},
        ("host", "to"),
    ),
    "time_server_fails": Action(
        lambda faults, _: setattr(faults.board, "has_time_server", False),
        _LASTING,
        stop=lambda faults: setattr(faults.board, "has_time_server", True),
    ),
    "server": Action(_ask_server, MEMBERS, ("endpoint",), check=_check_server),
    "power_cut": Action(_cut_power, {"op": _COUNT, "how": _HOW}, check=_check_power_cut),
    "brown_out": Action(_brown_out, is_reported=False),
    "reset": Action(lambda faults, _: faults.runtime.reboot("reset")),
    "watchdog": Action(lambda faults, _: faults.runtime.reboot("watchdog")),
    "clock_jump": Action(_turn_clock, {"seconds": _STEP}, ("seconds",)),
    "clock_unset": Action(lambda faults, _: faults.board.rtc.set(0)),
    "press": Action(_press, {"button": _TEXT, **_LASTING}, check=_check_press),
}

_AT = {"at": _SECONDS}
_ON = {
    "on": Kind(lambda value: value in EVENTS, f"one of {', '.join(EVENTS)}"),
    "count": _COUNT,
    "after": _SECONDS,
}
_DO = {
    "do": Kind(
        lambda value: isinstance(value, str) and value in ACTIONS, f"one of {', '.join(ACTIONS)}"
    )
}


# Reading a scenario


def load_scenario(options: SimOptions) -> tuple[Fault, ...]:
    """The faults that `options` name, none without a file.

    Raises UsageError, naming the file, the fault and the field, for what cannot be read, makes
    no sense, or does not go with the other options.
    """
    path = options.faults
    if path is None:
        return ()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", "check the path given with --faults"
        ) from None
    except ValueError as error:
        raise UsageError(f"{path} is not TOML: {error}", "correct that line") from None
    tables = document.pop("fault", None)
    if document:
        raise UsageError(f"{path} has an unknown field {next(iter(document))!r}", _FORM)
    if not isinstance(tables, list) or not tables:
        raise UsageError(f"{path} has no [[fault]]", _FORM)
    scenario = []
    for number, table in enumerate(tables, 1):
        try:
            scenario.append(_read(table, options))
        except _Refused as refused:
            do = table.get("do") if isinstance(table, dict) else None
            name = f" ({do})" if isinstance(do, str) and do in ACTIONS else ""
            raise UsageError(
                f"{path}: fault {number}{name} {refused.why}", refused.hint or "correct it"
            ) from None
    return tuple(scenario)


_FORM = "a list of [[fault]] tables, each with at or on, and do"


def _read(table: Any, options: SimOptions) -> Fault:
    """One fault. Raises _Refused."""
    if not isinstance(table, dict):
        raise _Refused("is not a table", _FORM)
    _check_fields({name: table[name] for name in _DO if name in table}, _DO, ("do",))
    action = ACTIONS[table["do"]]
    if ("at" in table) == ("on" in table):
        raise _Refused("needs either 'at' or 'on'", "at = SECONDS, or on = an event")
    trigger = _AT if "at" in table else _ON
    _check_fields(table, {**trigger, **_DO, **action.fields}, action.needed)
    fields = {name: value for name, value in table.items() if name in action.fields}
    if action.check is not None:
        action.check(options, fields)
    when = {name: value for name, value in table.items() if name in trigger}
    return Fault(table["do"], fields, **when)


def _check_fields(table: Fields, kinds: Mapping[str, Kind], needed: tuple[str, ...]) -> None:
    for name, value in table.items():
        if name not in kinds:
            raise _Refused(f"has an unknown field {name!r}", f"its fields: {', '.join(kinds)}")
        if not kinds[name].fits(value):
            raise _Refused(f"needs {name!r} to be {kinds[name].words}")
    for name in needed:
        if name not in table:
            raise _Refused(f"lacks {name!r}, {kinds[name].words}")
