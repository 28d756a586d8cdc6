"""The `keyfob` command: help, exit codes and the two lines that every error is."""

import os
import re
import signal
import subprocess
import sys

import pytest

import keyfob_host
import keyfob_sim
from keyfob.ui.texts import languages
from keyfob_host import cli as host_cli
from keyfob_host.boards import known_boards
from keyfob_host.errors import CliError, UsageError
from keyfob_host.verbs.options import whole_number
from keyfob_sim import cli
from keyfob_sim.server.chains import DEFAULT_CHAIN

BOARDS = "--board " + " or ".join(known_boards())
LANGUAGES = " or ".join(languages())

# What DESIGN fixes, in its own order.
SIM_OPTIONS = f"""
    --board NAME
    --runtime micropython|cpython
    --heap SIZE
    --serial PATH
    --program FILE
    --clock real|virtual
    --issuer URL
    --provider NAME|FILE
    --client-id ID
    --client-secret S
    --client-auth none|basic|post
    --scope "..."
    --ca FILE
    --allow-http
    --api URL
    --language {"|".join(languages())}
    --host ADDRESS
    --port P
    --https
    --chain ec|rsa2048|rsa4096|long
    --approve auto|deny|never|browser
    --until linked|refreshed|refreshed:N|denied|expired|forever
    --timeout SECONDS
    --state-dir DIR
    --screens DIR
    --faults FILE
    --power-cut N[:none|torn|done]
    --json
"""
SERVER_OPTIONS = """
    --host H
    --port P
    --https
    --chain ec|rsa2048|rsa4096|long
    --personality NAME
    --config FILE
    --state FILE
    --json
"""
PROVIDERS_OPTIONS = """
    --json
"""
CONFIGURE_OPTIONS = f"""
    --port DEVICE
    --wifi-ssid S
    --wifi-txpower DBM
    --wifi-address ADDRESS
    --country CC
    --provider NAME
    --issuer URL
    --client-id ID
    --client-auth none|basic|post
    --scope "..."
    --ca FILE
    --board NAME
    --language {"|".join(languages())}
    --api URL
    --allow-http
    --erase-ended
    --no-check
    --dry-run
    --yes
    --json
    --timeout S
"""


def device_options(*own: str) -> str:
    """The options of a device verb: its own between those that all have."""
    names = ["--port DEVICE", "--board NAME", *own, "--yes", "--json", "--timeout S"]
    return "\n".join(names)


VERBS = {
    "sim": SIM_OPTIONS,
    "server": SERVER_OPTIONS,
    "providers": PROVIDERS_OPTIONS,
    "install": device_options("--from-source"),
    "configure": CONFIGURE_OPTIONS,
    "status": device_options(),
    "link": device_options(),
    "unlink": device_options(),
    "test": device_options("--junit FILE"),
    "monitor": device_options("--timestamps", "--log FILE"),
    "doctor": device_options(),
}


@pytest.fixture
def keyfob(capsys):
    """Run the command in this process: its exit code, stdout and stderr."""

    def run(*words: str):
        code = cli.main(words)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def ending(keyfob, monkeypatch):
    """Run `keyfob sim` with a simulator that ends by raising (or returning) what is given."""

    def run(outcome):
        def simulator(options):
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        module = type(sys)("keyfob_sim.sim")
        module.run = simulator
        monkeypatch.setitem(sys.modules, "keyfob_sim.sim", module)
        monkeypatch.setattr(keyfob_sim, "sim", module, raising=False)
        return keyfob("sim")

    return run


def two_lines(err: str) -> tuple[str, str]:
    happened, hint = err.splitlines()
    assert happened.startswith("keyfob: ")
    assert hint.startswith("try: ")
    return happened.removeprefix("keyfob: "), hint.removeprefix("try: ")


def test_bare_keyfob_is_its_help(keyfob):
    code, out, err = keyfob()
    assert (code, err) == (0, "")
    assert "Usage: keyfob" in out
    assert all(f"\n  {verb}" in out for verb in VERBS)


def test_the_host_tools_alone_have_every_verb_but_the_simulator_s(capsys):
    verbs = []
    for command in (cli, host_cli):
        assert command.main([]) == 0
        listed = capsys.readouterr().out.partition("Commands:")[2]
        verbs.append(re.findall(r"^  (\w+)", listed, re.MULTILINE))
    assert verbs[0] == ["sim", "server", *verbs[1]]
    assert host_cli.main(["sim"]) == 2


def test_a_verb_s_own_code_is_imported_when_it_runs():
    heavy = ("flask", "PIL", "serial", "mpremote", "cryptography", "keyfob_sim.server")
    source = (
        "import sys\nfrom keyfob_sim import cli\ncli.main([])\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stderr == "[]\n"


def test_version(keyfob):
    assert keyfob("--version") == (0, f"keyfob {keyfob_host.__version__}\n", "")


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_every_option_and_an_example(keyfob, verb, monkeypatch):
    monkeypatch.setenv("COLUMNS", "99")
    code, out, err = keyfob(verb, "--help")
    assert (code, err) == (0, "")
    expected = [line.strip() for line in VERBS[verb].strip().splitlines()]
    shown = re.findall(r"^  (--\S+(?: (?! ).+?)?)(?:  |$)", out, re.MULTILINE)
    assert shown == expected
    assert re.search(rf"^ +keyfob {verb}( --|$)", out, re.MULTILINE)
    assert out.isascii()


@pytest.mark.parametrize("verb", ["sim", "server"])
def test_help_names_the_chain_that_there_is_without_one(keyfob, verb):
    _, out, _ = keyfob(verb, "--help")
    words = " ".join(out.split())
    about = words[words.index("--chain") :]
    assert about[: about.index("]")].endswith(f"[default: {DEFAULT_CHAIN}")


@pytest.mark.parametrize(
    ("words", "happened", "hint"),
    [
        (["fly"], "No such command 'fly'", "keyfob --help, or one of the verbs: sim, server, "),
        (["--fly"], "No such option: --fly", "keyfob --help, or one of the verbs: sim, server, "),
        (["sim", "--fly"], "No such option: --fly", "keyfob sim --help"),
        (["sim", "now"], "unexpected extra argument", "keyfob sim --help"),
        (["sim", "--issuer"], "'--issuer' requires an argument", "keyfob sim --help"),
        (["sim", "--board", "x"], "there is no board 'x'", BOARDS),
        (["sim", "--timeout", "0"], "--timeout takes a number of seconds", "--timeout 60"),
        (["configure"], "nothing to configure", "keyfob configure --help"),
        (
            ["configure", "--language", "x"],
            f"--language takes {LANGUAGES}, not 'x'",
            "--language en",
        ),
        (["configure", "--issuer", "https://a"], "--client-id is missing", "the ID that"),
        (["status", "--timeout", "x"], "--timeout takes a number", "--timeout 30"),
        (["install", "--board", "x"], "there is no board 'x'", BOARDS),
        (["server", "--fly"], "No such option: --fly", "keyfob server --help"),
        (["server", "--port", "x"], "--port takes a number", "--port 8080"),
    ],
)
def test_wrong_usage_is_two_lines_and_exit_code_2(keyfob, words, happened, hint):
    code, out, err = keyfob(*words)
    assert (code, out) == (2, "")
    said, tried = two_lines(err)
    assert happened in said
    assert tried.startswith(hint)


@pytest.mark.parametrize(("text", "number"), [(None, None), ("0", 0), ("-5", -5), ("060", 60)])
def test_a_whole_number_is_read(text, number):
    assert whole_number("--length", text) == number


@pytest.mark.parametrize("text", ["abc", "1.5", "", "1e3"])
def test_what_is_no_whole_number_is_wrong_usage(text):
    with pytest.raises(UsageError) as caught:
        whole_number("--length", text)
    assert caught.value.message == f"--length takes a whole number, not {text!r}"


def test_what_is_quoted_cannot_break_out_of_its_line(keyfob):
    code, _, err = keyfob("sim", "--clock", "a\n\x1b[31mb")
    assert code == 2
    two_lines(err)
    assert "\x1b" not in err


@pytest.mark.parametrize("code", [0, 1])
def test_the_simulator_s_exit_code_is_the_command_s(ending, code):
    assert ending(code) == (code, "", "")


@pytest.mark.parametrize(
    ("error", "code"), [(CliError("it broke", "mend it"), 1), (UsageError("no", "yes"), 2)]
)
def test_an_error_of_a_verb_is_two_lines(ending, error, code):
    assert ending(error) == (code, "", f"keyfob: {error.message}\ntry: {error.hint}\n")


def test_ctrl_c_ends_quietly_with_130(ending):
    assert ending(KeyboardInterrupt()) == (130, "", "")


def test_a_fault_of_our_own_names_its_place_and_hides_its_text(ending, monkeypatch):
    monkeypatch.delenv(host_cli.TRACEBACK_VARIABLE, raising=False)
    code, out, err = ending(KeyError("hunter2"))
    assert (code, out) == (1, "")
    happened, hint = two_lines(err)
    assert re.fullmatch(r"internal error: KeyError at test_cli\.py:\d+", happened)
    assert host_cli.TRACEBACK_VARIABLE in hint
    assert "hunter2" not in err


def test_the_traceback_is_shown_when_asked_for(ending, monkeypatch):
    monkeypatch.setenv(host_cli.TRACEBACK_VARIABLE, "1")
    with pytest.raises(KeyError):
        ending(KeyError("place"))


def program(*words: str, **options) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "keyfob_sim.cli", *words]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **(pipes | options))


def test_a_reader_that_leaves_early_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    with program("sim", "--help", stdout=writing) as process:
        os.close(writing)
        _, err = process.communicate(timeout=30)
    assert err == ""
    assert process.returncode == 1


def test_ctrl_c_in_a_running_verb_leaves_a_clean_terminal():
    with program("server") as process:
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert "Traceback" not in out + err
    assert process.returncode == 130


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_verb_as_ctrl_c_does(monkeypatch, number):
    before = signal.getsignal(number)
    left = []

    def verb(*_):
        try:
            signal.raise_signal(number)
        finally:
            left.append("its port")

    monkeypatch.setattr(host_cli, "_run", verb)
    with pytest.raises(SystemExit) as caught:
        cli.main([])
    assert (caught.value.code, left) == (128 + number, ["its port"])
    assert signal.getsignal(number) == before


@pytest.mark.skipif(sys.platform == "win32", reason="no nohup there")
def test_a_signal_that_nohup_ignores_stays_ignored(monkeypatch):
    monkeypatch.setattr(host_cli, "_run", lambda *_: signal.raise_signal(signal.SIGHUP) or 0)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert cli.main([]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_a_stream_that_was_closed_before_the_start_is_one_without_content(monkeypatch, name):
    monkeypatch.setattr(sys, name, None)
    assert cli.main(["configure", "--wifi-ssid", "x", "--port", "/dev/nowhere"]) == 1
    assert cli.main(["boards"]) == 0
    getattr(sys, name).close()


def test_what_the_encoding_of_a_pipe_lacks_is_spelt_out():
    program = (
        "from keyfob_host import cli; from keyfob_host.printable import say\n"
        "cli.main(['boards']); say(chr(0x2500))"
    )
    environ = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\n\\u2500\n")
