"""The parts of the board that `keyfob test` tries, one function each.

A function returns what it found, or raises: Skipped where there is no such part, Wrong where it
does not do what it should. `attempt` prints the outcome, the detail and the kind of exception.
"""

import asyncio
import gc
import json
import os
import time


class Skipped(Exception):
    pass


class Wrong(Exception):
    pass


def _board():
    try:
        with open("/board.json") as file:
            board = json.load(file)
    except OSError:
        return {}
    if not isinstance(board, dict):
        raise TypeError("it is not a JSON object")
    return board


def _i2c(wires):
    from machine import I2C, Pin

    return I2C(wires["id"], scl=Pin(wires["scl"]), sda=Pin(wires["sda"]), freq=wires["frequency"])


def i2c_scan():
    display = _board().get("display", {})
    wires = display.get("i2c")
    if not wires:
        raise Skipped("the board has no I2C display")
    if "power" in display:
        from keyfob.ui.displays.power import power_up

        power_up(display["power"])
    found = _i2c(wires).scan()
    names = ", ".join("0x%02x" % address for address in found) or "nothing"
    if wires["address"] not in found:
        raise Wrong("no panel answers at 0x%02x; the bus has %s" % (wires["address"], names))
    return "found " + names


def panel():
    from keyfob.ui.displays.open_display import open_display

    display = open_display(_board())
    if display is None:
        raise Skipped("the board has no display")
    width, height = display.width, display.height
    display.fill(0)
    display.rect(0, 0, width, height, 1)
    display.line(0, 0, width - 1, height - 1, 1)
    display.line(0, height - 1, width - 1, 0, 1)
    display.show()
    return "%d x %d: a frame and its two diagonals" % (width, height)


def button(wait_ms):
    buttons = _board().get("buttons")
    if not buttons:
        raise Skipped("the board has no button")
    from machine import Pin

    about = buttons[0]
    pulls = {"up": Pin.PULL_UP, "down": Pin.PULL_DOWN}
    pin = Pin(about["pin"], Pin.IN, pulls.get(about["pull"]))
    end = time.ticks_add(time.ticks_ms(), wait_ms)
    while wait_ms and time.ticks_diff(end, time.ticks_ms()) > 0:
        if pin.value() == about["pressed"]:
            return "%s was pressed" % about["name"]
        time.sleep_ms(20)
    if wait_ms:
        raise Wrong("%s was not pressed" % about["name"])
    if pin.value() == about["pressed"]:
        raise Wrong("%s reads as pressed: check its wire" % about["name"])
    return "%s reads as released" % about["name"]


def flash():
    path = "/keyfob-test.tmp"
    data = os.urandom(256)
    try:
        with open(path, "wb") as file:
            for _ in range(16):
                file.write(data)
        with open(path, "rb") as file:
            for _ in range(16):
                if file.read(256) != data:
                    raise Wrong("what was read is not what was written")
    finally:
        try:
            os.remove(path)
        except OSError:
            pass
    block, _, _, free_blocks = os.statvfs("/")[:4]
    return "4096 bytes written and read; %d KB free" % (block * free_blocks // 1024)


def wifi():
    from keyfob import AccountLink
    from keyfob.net.clock import Clock
    from keyfob.net.wifi import join

    name = asyncio.run(join(AccountLink.from_config(notify=print).wifi, Clock()))
    if name is None:
        raise Skipped("no network is configured")
    import network

    return "joined %s, %s" % (name, network.WLAN(network.STA_IF).ifconfig()[0])


def tls():
    from keyfob import AccountLink

    AccountLink.from_config(notify=print)  # as in the application, Python's heap leaves TLS room
    from keyfob.config import load
    from keyfob.net.clock import Clock
    from keyfob.net.http import HttpClient
    from keyfob.oauth.messages import get_request

    config = load()
    profile = config.profile
    address = profile.issuer or profile.token_endpoint
    if not address.lower().startswith("https:"):
        raise Skipped("the provider is reached by http")

    async def ask():
        clock = Clock()
        await clock.synchronise()
        client = HttpClient(config.roots())
        try:
            return (await client.send(get_request(address))).status
        finally:
            await client.close()

    return "a verified connection to %s; HTTP %d" % (address, asyncio.run(ask()))


def heap():
    gc.collect()
    found = "%d bytes free" % gc.mem_free()
    try:
        import esp32

        largest = max(block for _, _, block, _ in esp32.idf_heap_info(esp32.HEAP_DATA))
    except (ImportError, AttributeError):
        return found
    if largest < 20000:
        raise Wrong("the largest free block outside Python is %d bytes" % largest)
    return found + "; largest block outside Python %d" % largest


def attempt(part, *arguments):
    kind = None
    try:
        outcome, detail = "passed", part(*arguments)
    except Exception as error:
        kind = type(error).__name__
        outcome, detail = "skipped" if isinstance(error, Skipped) else "failed", str(error)
        if not isinstance(error, (Skipped, Wrong)) and not hasattr(error, "hint"):
            detail = "%s: %s" % (kind, error)
    print(json.dumps([outcome, detail, kind]))
