"""The options of `keyfob sim`: what each becomes, its default, and what is refused."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from keyfob_host.errors import UsageError
from keyfob_sim.run.goal import Goal
from keyfob_sim.run.options import (
    RULES,
    SECRET_VARIABLE,
    Given,
    PowerCut,
    SimOptions,
    resolve,
)

CPYTHON = {"runtime": "cpython"}
ISSUER = {"issuer": "https://login.example.com", "client_id": "board"}


def options(terminal: bool = False, environ: Any = None, **given: Any) -> SimOptions:
    return resolve(Given(**given), terminal=terminal, environ=environ or {})


def refusal(**given: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        options(**given)
    assert caught.value.exit_code == 2
    assert caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint
    return caught.value


def test_without_options_a_virtual_board_meets_the_embedded_server():
    got = options()
    assert got.board.name == "esp32-generic"
    assert got.embedded
    assert dataclasses.asdict(got) | {"board": None} == {
        "board": None,
        "runtime": "micropython",
        "heap": 165150,
        "is_limited": True,
        "serial": None,
        "program": None,
        "clock": "real",
        "issuer": None,
        "provider": None,
        "client_id": None,
        "client_secret": None,
        "client_auth": None,
        "scope": None,
        "ca": None,
        "allow_http": False,
        "api": None,
        "host": "127.0.0.1",
        "port": 0,
        "https": False,
        "chain": "long",
        "approve": "auto",
        "language": "en",
        "until": {"name": "linked", "count": 1},
        "timeout": 300.0,
        "state_dir": None,
        "screens": None,
        "faults": None,
        "power_cut": None,
        "json": False,
    }


@pytest.mark.parametrize(
    ("given", "attribute", "value"),
    [
        ({"board": "esp32-generic"}, "board.chip", "esp32"),
        ({"runtime": "cpython"}, "runtime", "cpython"),
        ({"runtime": "cpython"}, "heap", None),
        ({"runtime": "micropython"}, "runtime", "micropython"),
        ({"runtime": "cpython"}, "is_limited", False),
        ({"board": "esp32c3-oled"}, "heap", 188743),
        ({"board": "esp32c3-oled"}, "is_limited", True),
        ({"heap": "96k"}, "is_limited", False),
        ({"heap": "96k"}, "heap", 98304),
        ({"heap": "1M"}, "heap", 1048576),
        ({"heap": "65536"}, "heap", 65536),
        ({"serial": "/tmp/tty"}, "serial", Path("/tmp/tty")),
        ({"faults": "f.toml"}, "faults", Path("f.toml")),
        ({"power_cut": "3"}, "power_cut", PowerCut(3, "torn")),
        ({"power_cut": "3:none"}, "power_cut", PowerCut(3, "none")),
        ({"power_cut": "12:done"}, "power_cut", PowerCut(12, "done")),
        ({"clock": "virtual"}, "clock", "virtual"),
        ({"clock": "real"}, "clock", "real"),
        (ISSUER, "issuer", "https://login.example.com"),
        (ISSUER | {"issuer": "http://[::1]:8080/a/"}, "issuer", "http://[::1]:8080/a/"),
        (ISSUER, "client_id", "board"),
        (ISSUER, "embedded", False),
        ({"provider": "my.toml"}, "provider", "my.toml"),
        ({"provider": "my.toml"}, "embedded", False),
        ({"provider": "my.toml", "client_auth": "post"}, "client_auth", "post"),
        (ISSUER | {"client_secret": "s"}, "client_secret", "s"),
        (ISSUER | {"client_secret": "s", "client_auth": "basic"}, "client_auth", "basic"),
        (ISSUER | {"client_secret": "s", "client_auth": "post"}, "client_auth", "post"),
        (ISSUER | {"client_auth": "none"}, "client_auth", "none"),
        ({"scope": "openid profile"}, "scope", "openid profile"),
        ({"scope": ""}, "scope", None),
        (ISSUER | {"ca": "root.pem"}, "ca", Path("root.pem")),
        ({"allow_http": True}, "allow_http", True),
        ({"api": "https://api.example.com/me?x=1"}, "api", "https://api.example.com/me?x=1"),
        ({"host": "192.168.1.20"}, "host", "192.168.1.20"),
        ({"port": "8080"}, "port", 8080),
        ({"port": "0"}, "port", 0),
        ({"https": True}, "https", True),
        ({"https": True, "chain": "rsa2048"}, "chain", "rsa2048"),
        ({"approve": "auto"}, "approve", "auto"),
        ({"approve": "deny"}, "approve", "deny"),
        ({"approve": "never"}, "approve", "never"),
        ({"approve": "browser"}, "approve", "browser"),
        (ISSUER | {"approve": "browser"}, "approve", "browser"),
        ({"until": "linked"}, "until", Goal("linked")),
        ({"until": "refreshed"}, "until", Goal("refreshed")),
        ({"until": "refreshed:3"}, "until", Goal("refreshed", 3)),
        ({"until": "denied"}, "until", Goal("denied")),
        ({"until": "expired"}, "until", Goal("expired")),
        ({"until": "forever"}, "until", Goal("forever")),
        ({"until": "forever"}, "timeout", None),
        ({"until": "forever", "timeout": "5"}, "timeout", 5.0),
        ({"timeout": "0.5"}, "timeout", 0.5),
        ({"state_dir": "state"}, "state_dir", Path("state")),
        ({"screens": "pictures"}, "screens", Path("pictures")),
        ({"json": True}, "json", True),
    ],
)
def test_an_option_arrives(given, attribute, value):
    got: Any = options(**given)
    for name in attribute.split("."):
        got = getattr(got, name)
    assert got == value


@pytest.mark.parametrize(
    ("terminal", "given", "approve", "until", "timeout"),
    [
        (False, {}, "auto", "linked", 300.0),
        (False, ISSUER, "never", "linked", 300.0),
        (False, {"provider": "x"}, "never", "linked", 300.0),
        (True, {}, "browser", "forever", None),
        (True, ISSUER, "browser", "forever", None),
        (True, {"until": "linked"}, "browser", "linked", 300.0),
        (True, {"approve": "auto"}, "auto", "forever", None),
    ],
)
def test_defaults_depend_on_who_is_watching(terminal, given, approve, until, timeout):
    got = options(terminal=terminal, **given)
    assert (got.approve, got.until.name, got.timeout) == (approve, until, timeout)


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"board": "esp33"}, "there is no board 'esp33'", "--board esp32-generic"),
        ({"runtime": "wasm"}, "--runtime takes micropython or cpython", "--runtime cpython"),
        (CPYTHON | {"serial": "/tmp/tty"}, "--serial needs the micropython", "leave --runtime"),
        (CPYTHON | {"heap": "128k"}, "--heap caps the heap of the micropython", "leave --heap"),
        (CPYTHON | {"power_cut": "3"}, "--power-cut needs the micropython", "leave --runtime"),
        ({"chain": "ec"}, "--chain picks the certificates of --https", "--https"),
        (
            {"https": True, "chain": "dsa"},
            "ec, rsa2048, rsa4096 or long, not 'dsa'",
            "--chain long",
        ),
        ({"heap": "8k"}, "--heap takes a size from 16k to 64m, not '8k'", "--heap 112k"),
        ({"heap": "k"}, "not 'k'", "--heap 112k"),
        ({"heap": "65m"}, "not '65m'", "--heap 112k"),
        ({"heap": "99999999999m"}, "not '99999999999m'", "--heap 112k"),
        ({"heap": "1.5m"}, "not '1.5m'", "--heap 112k"),
        ({"heap": "128kb"}, "not '128kb'", "--heap 112k"),
        ({"heap": "64kk"}, "not '64kk'", "--heap 112k"),
        ({"power_cut": "0"}, "not '0'", "--power-cut 7:torn"),
        ({"power_cut": "x"}, "not 'x'", "--power-cut 7:torn"),
        ({"power_cut": "3:"}, "not '3:'", "--power-cut 7:torn"),
        ({"power_cut": "3:half"}, "not '3:half'", "--power-cut 7:torn"),
        ({"clock": "fast"}, "--clock takes real or virtual, not 'fast'", "--clock virtual"),
        (ISSUER | {"provider": "x"}, "--issuer and --provider both", "one of them"),
        ({"issuer": ISSUER["issuer"]}, "--issuer needs --client-id", "--client-id ID"),
        (ISSUER | {"issuer": "login.example.com"}, "http or https address", "--issuer https:"),
        (ISSUER | {"issuer": "ftp://x"}, "http or https address", "--issuer https:"),
        (ISSUER | {"issuer": "https://"}, "http or https address", "--issuer https:"),
        (ISSUER | {"issuer": "https://x:99999"}, "http or https address", "--issuer https:"),
        (ISSUER | {"issuer": "https://x/\n"}, "http or https address", "--issuer https:"),
        (ISSUER | {"issuer": "https://x/?a=b"}, "without user, password, query", "--issuer"),
        (ISSUER | {"issuer": "https://x/#a"}, "without user, password, query", "--issuer"),
        (ISSUER | {"issuer": "https://me:pw@x"}, "without user, password", "--issuer https:"),
        ({"api": "api"}, "--api takes an http or https address", "--api https:"),
        ({"api": "https://me:pw@x"}, "--api takes an address without user", "--api https:"),
        ({"client_auth": "digest"}, "--client-auth takes none, basic or post", "--client-auth"),
        (ISSUER | {"client_auth": "none", "client_secret": "s"}, "cannot send", "leave the"),
        (ISSUER | {"client_auth": "basic"}, "need a client secret", SECRET_VARIABLE),
        (ISSUER | {"client_auth": "post"}, "need a client secret", SECRET_VARIABLE),
        ({"client_secret": "s"}, "needs the --client-id", "--client-id ID"),
        ({"ca": "root.pem"}, "--ca is for a server that is not embedded", "--https"),
        (ISSUER | {"https": True}, "--https is for the embedded server", "leave --https out"),
        (ISSUER | {"host": "0.0.0.0"}, "--host is for the embedded", "leave --host out"),
        (ISSUER | {"port": "1"}, "--port is for the embedded", "leave --port out"),
        (ISSUER | {"approve": "auto"}, "embedded server only", "--approve browser"),
        (ISSUER | {"approve": "deny"}, "embedded server only", "--approve browser"),
        ({"approve": "yes"}, "--approve takes auto, deny, never or browser", "--approve"),
        ({"port": "http"}, "--port takes a number from 0 to 65535", "--port 8080"),
        ({"port": "65536"}, "--port takes a number from 0 to 65535", "--port 8080"),
        ({"port": "-1"}, "--port takes a number from 0 to 65535", "--port 8080"),
        ({"until": "done"}, "--until takes linked, refreshed, refreshed:N", "refreshed:3"),
        ({"until": "refreshed:0"}, "not 'refreshed:0'", "--until refreshed:3"),
        ({"until": "refreshed:"}, "not 'refreshed:'", "--until refreshed:3"),
        ({"until": "refreshed:-1"}, "not 'refreshed:-1'", "--until refreshed:3"),
        ({"until": "refreshed:²"}, "not 'refreshed:²'", "--until refreshed:3"),
        ({"until": "linked:2"}, "not 'linked:2'", "--until refreshed:3"),
        ({"timeout": "0"}, "--timeout takes a number of seconds above 0", "--timeout 60"),
        ({"timeout": "-1"}, "--timeout takes a number of seconds above 0", "--timeout 60"),
        ({"timeout": "nan"}, "--timeout takes a number of seconds above 0", "--timeout 60"),
        ({"timeout": "inf"}, "--timeout takes a number of seconds above 0", "--timeout 60"),
        ({"timeout": "soon"}, "--timeout takes a number of seconds above 0", "--timeout 60"),
        ({"state_dir": ""}, "--state-dir was given an empty value", "leave --state-dir out"),
        ({"client_id": ""}, "--client-id was given an empty value", "leave --client-id out"),
    ],
)
def test_what_makes_no_sense_is_refused(given, message, hint):
    error = refusal(**given)
    assert message in error.message
    assert hint in error.hint


def test_without_the_vm_cpython_runs_the_firmware():
    assert resolve(Given(), terminal=False, environ={}, has_vm=False).runtime == "cpython"
    with pytest.raises(UsageError) as caught:
        resolve(Given(runtime="micropython"), terminal=False, environ={}, has_vm=False)
    assert "is not installed" in caught.value.message
    assert "--runtime cpython" in caught.value.hint


def test_every_rule_is_tested():
    proven = test_what_makes_no_sense_is_refused.pytestmark[0].args[1]
    told = [case[1] for case in proven]
    for rule in RULES:
        assert any(words in rule.message for words in told), rule.message


@pytest.mark.parametrize("given", [ISSUER, {"provider": "x"}, {"client_id": "mine"}])
def test_the_secret_of_the_environment_wins(given):
    environ = {SECRET_VARIABLE: "from the environment"}
    got = options(environ=environ, **given, client_secret="typed")
    assert got.client_secret == "from the environment"


@pytest.mark.parametrize("environ", [{}, {SECRET_VARIABLE: ""}])
def test_without_one_in_the_environment_the_typed_secret_counts(environ):
    assert options(environ=environ, **ISSUER, client_secret="typed").client_secret == "typed"


def test_the_embedded_server_never_gets_the_secret_of_another():
    assert options(environ={SECRET_VARIABLE: "for example.com"}).client_secret is None


def test_a_secret_is_not_in_what_is_printed_of_the_options():
    given = Given(**ISSUER, client_secret="hunter2")
    assert "hunter2" not in repr(given)
    assert "hunter2" not in repr(resolve(given, terminal=False, environ={}))


@pytest.mark.parametrize("text", ["https://me:hunter2@x", "https://x/?key=hunter2"])
def test_a_refused_address_is_not_repeated(text):
    error = refusal(**(ISSUER | {"issuer": text}))
    assert "hunter2" not in error.message + error.hint
