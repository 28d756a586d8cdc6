"""What a program in the VM finds on its board: the modules of an ESP32, and their manners."""

import os
import signal
import subprocess
import textwrap
import time
from collections.abc import Iterator

import pytest
from virtual_port import VirtualPort, needs_vm

pytestmark = needs_vm


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualPort]:
    port = VirtualPort(tmp_path_factory.mktemp("board"), "--clock", "virtual")
    yield port
    port.stop()


def run(board: VirtualPort, source: str) -> list[str]:
    """Lines that a program prints on the board."""
    return board.run(textwrap.dedent(source)).splitlines()


def test_time_counts_from_2000_and_sleeping_costs_nothing(board: VirtualPort) -> None:
    began = time.monotonic()
    told = run(
        board,
        """
        import time
        print(time.gmtime(0)[:3])
        t, s = time.ticks_ms(), time.time()
        time.sleep(86400)
        time.sleep_ms(500)
        passed = time.ticks_diff(time.ticks_ms(), t)
        print(86400500 <= passed < 86402000, 86400 <= time.time() - s <= 86402)
        print(time.mktime((2026, 1, 2, 3, 4, 5, 0, 0)) + 946684800)
        """,
    )
    assert told == ["(2000, 1, 1)", "True True", "1767323045"]
    assert time.monotonic() - began < 20


def test_asyncio_keeps_its_order_in_virtual_time(board: VirtualPort) -> None:
    told = run(
        board,
        """
        import asyncio, time
        t0 = time.ticks_ms()
        def now(): return round(time.ticks_diff(time.ticks_ms(), t0) / 600000)
        async def tick(name, every, times):
            for _ in range(times):
                await asyncio.sleep(every * 600)
                print(name, now())
        async def main():
            await asyncio.gather(tick("a", 2, 3), tick("b", 3, 2), tick("c", 1, 1))
            try:
                await asyncio.wait_for(asyncio.Event().wait(), 600)
            except asyncio.TimeoutError:
                print("late", now())
        asyncio.run(main())
        """,
    )
    assert told == ["c 1", "a 2", "b 3", "a 4", "a 6", "b 6", "late 7"] or told == [
        "c 1", "a 2", "b 3", "a 4", "b 6", "a 6", "late 7",
    ]  # fmt: skip


def test_wifi_has_the_manners_of_an_esp32(board: VirtualPort) -> None:
    told = run(
        board,
        """
        import network, time
        w = network.WLAN(network.WLAN.IF_STA)
        w.active(False)  # a soft reset leaves it as it was
        print(w.active(True), w.isconnected(), w.status() == network.STAT_IDLE)
        time.sleep(1)
        print([n[0] for n in w.scan()])
        w.connect("keyfob-sim", "wrong")
        try:
            w.connect("keyfob-sim", "no-secret-at-all")
        except OSError as error:
            print(error)
        time.sleep(20)
        print(w.isconnected(), w.status() != network.STAT_GOT_IP)
        w.disconnect()
        time.sleep(1)
        w.connect("keyfob-sim", "no-secret-at-all")
        time.sleep(5)
        print(w.isconnected(), w.status() == network.STAT_GOT_IP)
        print(w.config("ssid"), len(w.config("mac")))
        """,
    )
    assert told == [
        "True False True",
        "[b'keyfob-sim']",
        "Wifi Internal Error",
        "False True",
        "True True",
        "keyfob-sim 6",
    ]


def test_its_network_has_a_time_server(board: VirtualPort) -> None:
    told = run(
        board,
        """
        import network, ntptime, socket, time
        w = network.WLAN(network.WLAN.IF_STA)
        w.active(True)
        if not w.isconnected():
            w.connect("keyfob-sim", "no-secret-at-all")
            time.sleep(5)
        print(abs(ntptime.time() - time.time()) < 10**9)
        ntptime.settime()
        print(abs(ntptime.time() - time.time()) <= 1)
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        link.settimeout(1)
        address = socket.getaddrinfo("time.example", 123)[0][-1]
        link.sendto(b"#" + bytes(39) + b"question", address)
        answer = link.recv(100)
        print(len(answer), answer[0], answer[1], bytes(answer[24:32]), any(answer[40:]))
        """,
    )
    assert told == ["True", "True", "48 36 2 b'question' True"]


def test_nobody_is_reached_without_wifi(board: VirtualPort) -> None:
    board.reset()
    told = board.resume(
        textwrap.dedent("""
        import socket, network
        network.WLAN(0).active(False)
        for host in ("example.org", "127.0.0.1"):
            try:
                socket.getaddrinfo(host, 80)
            except OSError as error:
                print(error.errno)
        """),
    )
    assert told.split() == ["-202", "118"]


def test_nvs_keeps_values_within_its_limits(board: VirtualPort) -> None:
    told = run(
        board,
        """
        import esp32
        nvs = esp32.NVS("keyfob")
        nvs.set_i32("count", -7)
        nvs.set_blob("blob", b"\\x00\\xff\\n")
        nvs.commit()
        buffer = bytearray(8)
        print(nvs.get_i32("count"), nvs.get_blob("blob", buffer), bytes(buffer[:3]))
        for call in (lambda: nvs.get_i32("none"), lambda: nvs.set_i32("a" * 16, 1)):
            try:
                call()
            except OSError as error:
                print(error.args)
        """,
    )
    assert told == [
        "-7 3 b'\\x00\\xff\\n'",
        "(-4354, 'ESP_ERR_NVS_NOT_FOUND')",
        "(-4361, 'ESP_ERR_NVS_KEY_TOO_LONG')",
    ]


def test_pins_and_buses_are_wired_as_board_toml_says(board: VirtualPort) -> None:
    told = run(
        board,
        """
        from machine import I2C, SoftI2C, Pin
        print(I2C(0, scl=Pin(22), sda=Pin(21)).scan(), SoftI2C(scl=Pin(4), sda=Pin(5)).scan())
        button = Pin(0, Pin.IN, Pin.PULL_UP)
        print(button.value(), Pin(15, Pin.IN, Pin.PULL_UP)(), Pin(15, Pin.IN, Pin.PULL_DOWN)())
        try:
            I2C(0, scl=Pin(4), sda=Pin(5)).writeto(60, b"x")
        except OSError as error:
            print(error.errno)
        """,
    )
    assert told == ["[60] []", "1 1 0", "19"]


def test_timers_ring_and_a_watchdog_bites(board: VirtualPort) -> None:
    told = run(
        board,
        """
        import machine, time
        rung = []
        timer = machine.Timer(0)
        timer.init(period=1000, callback=lambda t: rung.append(1))
        time.sleep(5.5)
        timer.deinit()
        time.sleep(5)
        print(len(rung))
        """,
    )
    assert told == ["5"]
    before = len(board.boots())
    board.start(
        "import machine, time; machine.WDT(timeout=2000); time.sleep(9)",
    )
    board.wait_for("boot", before + 1)
    assert board.boots()[-1] == "watchdog"


def test_deep_sleep_keeps_the_memory_of_the_rtc(board: VirtualPort) -> None:
    before = len(board.boots())
    board.mpremote(
        "exec",
        "--no-follow",
        "import machine; machine.RTC().memory(b'kept'); machine.deepsleep(60000)",
    )
    board.wait_for("boot", before + 2)
    assert board.boots()[-1] == "deepsleep"
    told = board.resume(
        "import machine as m; print(m.RTC().memory(), m.reset_cause() == m.DEEPSLEEP_RESET)",
    )
    assert told == "b'kept' True\n"


def test_the_heap_is_what_the_board_has(board: VirtualPort) -> None:
    off = (
        "import gc, network; network.WLAN().active(False); gc.collect()"  # a soft reset leaves it
    )
    (free,) = run(board, f"{off}; print(gc.mem_free())")
    assert 165_040 - 5_000 < int(free) <= 165_040  # as a chip tells it
    assert run(board, f"try:\n    bytearray({free})\nexcept MemoryError:\n    print('full')") == [
        "full"
    ]


_WRITE = """
import os
while True:
    with open('/new', 'w') as f:
        f.write('x' * 3000)
    os.rename('/new', '/old')
"""


def test_a_file_that_nobody_closed_is_closed_while_littlefs_does_nothing_else(
    board: VirtualPort,
) -> None:
    told = run(
        board,
        """
        import gc, os
        def write(name, content):
            with open(name, "w") as f:
                f.write(content)
        gc.threshold(1024)
        write("/a", "x" * 500)
        write("/b", "")
        for _ in range(20):
            open("/a").read(1)
            for _ in range(10):
                os.rename("/b", "/c")
                os.rename("/c", "/b")
            filling = [b"w" * 500 for _ in range(40)]
            write("/b", "y" * 500)
        gc.collect()
        print([os.stat(name)[6] for name in ("/a", "/b")])
        """,
    )
    assert told == ["[500, 500]"]


def test_a_vm_that_is_killed_while_it_writes_boots_again(board: VirtualPort) -> None:
    board.run("with open('/steady.txt', 'w') as f: f.write('steady')")
    for _ in range(3):
        before = len(board.boots())
        board.start(
            _WRITE,
        )
        time.sleep(0.2)  # it is in the middle of something, we do not know of what
        os.kill(board.vm(), signal.SIGKILL)
        board.wait_for("boot", before + 1)
        assert board.boots()[-1] == "reset"
        assert board.resume("print(open('/steady.txt').read())") == "steady\n"


def test_modules_lying_about_on_the_pc_are_not_the_boards(tmp_path, monkeypatch) -> None:
    for name in ("_board", "time", "asyncio", "machine"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the PC got in')\n")
    from virtual_port import SCRIPTS

    done = subprocess.run(
        [SCRIPTS / "keyfob", "sim", "--json", "--clock", "virtual", "--approve", "auto"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
