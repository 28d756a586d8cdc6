"""`keyfob flash` against a mock chip: checked, written, verified and read back."""

import json
import os
import signal
import subprocess
import sys

import pytest
from flash_target import OFFSETS, MockChip, image
from quickness import quickest

from keyfob_host import cli
from keyfob_host.board.ports import Port
from keyfob_host.errors import CliError
from keyfob_host.flashing.esptool import _FAILURES, Chip, Esptool, _error


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def chip(tmp_path):
    chips = []

    def start(name, **options):
        folder = tmp_path / f"chip{len(chips)}"
        folder.mkdir()
        chips.append(MockChip(name, folder, **options))
        return chips[-1]

    yield start
    for mock in chips:
        mock.close()


@pytest.fixture
def flash(capsys):
    def run(*words):
        code = cli.main(["flash", *map(str, words)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def file(folder, name, data=None):
    path = folder / f"{name}-20260406-v1.28.0.bin"
    path.write_bytes(image(name) if data is None else data)
    return path


@pytest.mark.parametrize(
    ("name", "pty"),
    [("esp32", False), ("esp32s3", False), ("esp32c3", False), ("esp32", True), ("esp32c3", True)],
)
def test_an_image_is_written_verified_and_read_back_equal(chip, flash, tmp_path, name, pty):
    path = file(tmp_path, name)
    mock = chip(name, pty=pty)
    code, out, err = flash("--port", mock.port, "--image", path, "--yes", "--json")
    assert (code, err) == (0, ""), err
    (told,) = map(json.loads, out.splitlines())
    assert told["port"] == mock.port
    assert (told["board"], told["chip"]) == (f"{name}-generic", name)
    assert (told["version"], told["offset"]) == ("1.28.0", OFFSETS[name])
    assert (told["verified"], told["erased"], told["stub"]) == (True, False, True)
    mock.verify(name, OFFSETS[name], path)
    if not pty:
        written = path.read_bytes()
        assert mock.read(OFFSETS[name], len(written)) == written


def test_erasing_is_asked_for(chip, flash, tmp_path):
    path = file(tmp_path, "esp32c3")
    mock = chip("esp32c3")
    assert flash("--port", mock.port, "--image", path)[0] == 0
    small = file(tmp_path, "esp32c3", image("esp32c3", b"small"))
    code, out, err = flash("--port", mock.port, "--image", small, "--erase")
    assert (code, err) == (0, ""), err
    assert "\x1b" not in out
    assert out.endswith("next: keyfob install\n")
    end = len(small.read_bytes())
    assert set(mock.read(end, 4096)) == {0xFF}


def test_an_image_for_another_chip_is_refused_before_anything_is_erased(chip, flash, tmp_path):
    mock = chip("esp32c3")
    good = file(tmp_path, "esp32c3")
    assert flash("--port", mock.port, "--image", good)[0] == 0
    code, _, err = flash("--port", mock.port, "--image", file(tmp_path, "esp32s3"), "--erase")
    assert code == 1
    assert "is for an ESP32-S3, and the chip at" in err
    assert "nothing was erased" in err
    data = good.read_bytes()
    assert mock.read(0, len(data)) == data


def test_a_board_with_another_chip_is_refused(chip, flash, tmp_path):
    mock = chip("esp32c3")
    code, _, err = flash("--port", mock.port, "--board", "esp32s3-generic")
    assert code == 1
    assert "is an ESP32-C3, and esp32s3-generic has an ESP32-S3" in err
    assert "try: --board esp32c3-generic or esp32c3-oled or xiao-esp32c3" in err


@pytest.mark.parametrize("keep", [0, 10, 40, 0x7000, 0x8000, 0xFFFF, 0x10000, 0x10100, -1])
def test_a_truncated_image_is_refused_before_the_port_is_opened(flash, tmp_path, keep):
    path = file(tmp_path, "esp32c3", image("esp32c3")[:keep])
    code, out, err = flash("--port", "socket://127.0.0.1:1", "--image", path)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 2
    assert any(word in err for word in ("truncated", "no partition table", "not an image"))


@pytest.mark.parametrize("at", [30, 0x10000 + 40, -40, -1])
def test_a_damaged_image_is_refused(flash, tmp_path, at):
    data = bytearray(image("esp32c3"))
    data[at] ^= 1
    path = file(tmp_path, "esp32c3", bytes(data))
    code, _, err = flash("--port", "socket://127.0.0.1:1", "--image", path)
    assert code == 1
    assert "is damaged" in err


def test_a_port_that_vanishes_half_way_is_told_and_a_retry_works(
    chip, flash, tmp_path, monkeypatch
):
    path = file(tmp_path, "esp32", image("esp32", os.urandom(1 << 18)))
    mock = chip("esp32")
    run = Esptool.run

    def vanishing(self, port, words, **options):
        return run(self, port, words, **(options | {"progress": lambda percent: mock.close()}))

    with monkeypatch.context() as patch:
        patch.setattr(Esptool, "run", vanishing)
        code, _, err = flash("--port", mock.port, "--image", path)
    assert code == 1, err
    assert f"keyfob: {mock.port} " in err
    assert "the same command again" in err or "plug the board in again" in err
    assert flash("--port", chip("esp32").port, "--image", path)[0] == 0


def test_a_port_where_nothing_listens(flash, tmp_path):
    code, _, err = flash("--port", "socket://127.0.0.1:1", "--image", file(tmp_path, "esp32"))
    assert code == 1
    assert err.startswith("keyfob: socket://127.0.0.1:1 is not there\ntry: ")


def test_lost_bytes_are_tried_again_more_slowly_and_at_last_without_the_stub(
    flash, tmp_path, monkeypatch
):
    tried = []

    def run(self, port, words, **_):
        tried.append((words[words.index("--baud") + 1], "--no-stub" in words))
        if len(tried) < 4:
            raise _error("Invalid head of packet (0x46): Possible serial noise", port, "")
        return "Hash of data verified."

    monkeypatch.setattr(Esptool, "identify", lambda *_: Chip("esp32", None, None))
    monkeypatch.setattr(Esptool, "run", run)
    words = ("--port", "socket://x:1", "--image", file(tmp_path, "esp32"))
    code, out, _ = flash(*words, "--json")
    assert code == 0
    assert (json.loads(out)["baud"], json.loads(out)["stub"]) == (115200, False)
    assert tried == [("921600", False), ("460800", False), ("115200", False), ("115200", True)]
    monkeypatch.setattr(Esptool, "run", lambda *_, **__: "written, but not verified")
    assert flash(*words)[0] == 1


@pytest.mark.parametrize(
    ("said", "told", "hint"),
    [
        ("Failed to connect to ESP32: No serial data received.", "download mode", "hold BOOT"),
        ("Wrong boot mode detected (0x13)! The chip needs", "download mode", "hold BOOT"),
        ("[Errno 13] Permission denied: '/dev/ttyUSB0'", "no permission", "dialout"),
        ("Could not exclusively lock port /dev/ttyUSB0", "in use", "close the monitor"),
        ("A serial exception error occurred: device reports", "went away", "check cable"),
        ("This chip is ESP32-C3, not ESP32. Wrong chip", "is an ESP32-C3", "--board NAME"),
        ("MD5 of file does not match data in flash!", "did not arrive whole", "shorter cable"),
        ("A fatal error occurred: Something new", "Something new", "again"),
    ],
)
def test_what_esptool_says_is_told_in_two_lines(said, told, hint):
    error = _error(said, Port("/dev/ttyUSB0", "", 0), "hold BOOT")
    assert told in error.message
    assert "/dev/ttyUSB0" in error.message
    assert hint in error.hint


DETECTED = "Detecting chip type... ESP32-C3\nConnected to ESP32-C3 on /dev/ttyUSB0:\n"


@pytest.mark.parametrize(
    ("said", "chip"),
    [
        (DETECTED, "esp32c3"),
        ("Detecting chip type... Autodetection failed, trying again...\n" + DETECTED, "esp32c3"),
        ("Detecting chip type... ESP32\nConnected to ESP32-S3 on COM3:\n", "esp32s3"),
        ("Detecting chip type... ESP32-S2\n", "esp32s2"),
        ("Detecting chip type... Autodetection failed, trying again...\n", None),
        ("Connected to autodetection on a port\n", None),
    ],
)
def test_a_first_look_that_failed_names_no_chip(monkeypatch, said, chip):
    monkeypatch.setattr(Esptool, "run", lambda *_, **__: said)
    tool, port = Esptool(0.0), Port("/dev/ttyUSB0", "", 0)
    if chip is not None:
        assert tool.identify(port, "hold BOOT").name == chip
        return
    with pytest.raises(CliError, match="esptool does not say what chip is at /dev/ttyUSB0"):
        tool.identify(port, "hold BOOT")


def test_several_at_once(chip, flash, tmp_path, monkeypatch):
    mocks = [chip("esp32c3"), chip("esp32c3")]
    found = [Port(mock.port, "CP210x USB bridge", 0) for mock in mocks]
    monkeypatch.setattr("keyfob_host.board.ports.candidates", lambda: found)
    path = file(tmp_path, "esp32c3")
    code, out, err = flash("--all", "--image", path, "--json")
    assert (code, err) == (0, "")
    assert {json.loads(line)["port"] for line in out.splitlines()} == {p.device for p in found}
    mocks[0].close()
    code, out, err = flash("--all", "--image", path)
    assert code == 1
    assert err.startswith(f"keyfob: 1 of 2 failed: {found[0].device} is not there")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_within_a_second_and_lets_the_port_go(chip, tmp_path, number):
    path = file(tmp_path, "esp32", image("esp32", os.urandom(1 << 20)))

    def attempt():
        mock = chip("esp32")
        words = ["flash", "--port", mock.port, "--image", str(path)]
        process = subprocess.Popen(
            [sys.executable, "-m", "keyfob_host.cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while "writing" not in process.stdout.readline():
            assert process.poll() is None
        ended.append((process, mock))
        return lambda: (process.send_signal(number), process.wait())

    ended = []
    assert quickest(1, attempt) < 1
    for process, mock in ended:
        _, err = process.communicate()
        assert (process.returncode, err) == (128 + number, "")
        assert mock.read(0, 16)


def test_a_pico_is_explained(flash):
    code, out, err = flash("--board", "pico-w")
    assert (code, out) == (1, "")
    assert "hold BOOTSEL" in err
    assert "micropython.org/download/RPI_PICO_W/" in err


@pytest.mark.parametrize("words", [["--timeout", "soon"], ["--all", "--port", "x"]])
def test_wrong_usage(flash, words):
    assert flash(*words)[0] == 2


def test_help_has_an_example(flash):
    code, out, _ = flash("--help")
    assert code == 0
    assert "keyfob flash --port" in out


def test_no_message_of_an_error_lacks_what_to_try():
    assert all(failure.message and failure.hint for _, failure in _FAILURES)


def test_without_an_image_the_newest_of_the_chip_s_board_is_downloaded(
    chip, flash, tmp_path, monkeypatch
):
    asked = []

    def newest_image(download, tell):
        asked.append(download)
        return file(tmp_path, "esp32s3")

    monkeypatch.setattr("keyfob_host.flashing.downloads.newest_image", newest_image)
    mock = chip("esp32s3")
    code, out, err = flash("--port", mock.port, "--json")
    assert (code, err) == (0, "")
    assert asked == ["ESP32_GENERIC_S3"]
    assert json.loads(out)["board"] == "esp32s3-generic"
