"""One virtual board, assembled from its board.toml."""

import hashlib
import ipaddress
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from keyfob_host.boards import Board
from keyfob_sim.hardware import time_server
from keyfob_sim.hardware.chip_memory import Block, ChipMemory
from keyfob_sim.hardware.clock import SharedClock, Timer
from keyfob_sim.hardware.flash import Flash
from keyfob_sim.hardware.nvs import Nvs
from keyfob_sim.hardware.panels import I2cPanel, Panel, SpiPanel, make_panel
from keyfob_sim.hardware.pins import Pins
from keyfob_sim.hardware.pixel import Pixel
from keyfob_sim.hardware.power import PowerGate
from keyfob_sim.hardware.rtc import Rtc
from keyfob_sim.hardware.time_server import TimeServer
from keyfob_sim.hardware.uplink import LookupFailed, Uplink
from keyfob_sim.hardware.wifi import AccessPoint, Station, WifiError

SSID, PASSWORD = "keyfob-sim", "no-secret-at-all"
_PRESS = 0.12  # s that a press lasts
_IDLE = 0.02  # s until FreeRTOS has seen that a thread has ended
_ANOTHER_PASSWORD = "the-owner-has-changed-it"  # noqa: S105 - of an access point that is not there
_EHOSTUNREACH = 118  # as lwIP numbers it


class VirtualBoard:
    """The hardware of one board, as the runtimes use it.

    `interrupt(pin)` is called on an edge that the firmware watches, `changed()` when what a
    person sees may have changed, and `joining()` when the firmware has Wi-Fi join a network.
    """

    def __init__(self, about: Board, folder: Path, clock: SharedClock) -> None:
        """Find flash and NVS in `folder`, made if need be."""
        self.about = about
        self.clock = clock
        self.power = PowerGate()
        self.flash = Flash(folder / "flash.img", about.flash_size - about.flash_files, self.power)
        self.nvs = Nvs(folder / "nvs.json", self.power)
        self.access_point = AccessPoint(SSID, PASSWORD)
        self.station = Station([self.access_point], clock.monotonic, most_power=about.txpower)
        self.uplink = Uplink()
        self.memory: ChipMemory | None = None  # without one there is RAM in plenty
        self.has_time_server = True
        self.time_server = TimeServer(self.network_time)
        clock.before_skip = self.time_server.serve
        self.uplink.watch(self.time_server.socket, self.time_server.serve)
        self.rtc = Rtc(clock.monotonic)
        self.pins = Pins(self._pin_changed, lambda pin: self.interrupt(pin))
        self.panel: Panel | None = None if about.display is None else make_panel(about.display)
        self.interrupt: Callable[[int], None] = lambda pin: None
        self.changed: Callable[[], None] = lambda: None
        self.joining: Callable[[], None] = lambda: None
        self.is_led_on = False
        is_pixel = about.led is not None and about.led.kind is not None
        self.pixel = Pixel() if is_pixel else None
        self._power_registers: dict[int, int] = {}
        self._boot = clock.monotonic()
        self._held: dict[str, Timer] = {}
        self._refreshed_at = 0.0  # when the refresh of e-paper is over
        self._threads: list[Block | None] = []
        for button in about.buttons:
            self.pins.drive(button.pin, 1 - button.pressed)
        wires = about.display.spi if about.display else None
        if wires is not None and wires.busy is not None:
            self.pins.sense(wires.busy, self._is_refreshing)
        self.power_off()

    def close(self) -> None:
        """Close files and sockets, and end the uplink's thread."""
        self.clock.before_skip = lambda: None
        self.uplink.close()
        self.time_server.close()
        self.flash.close()

    @property
    def unique_id(self) -> bytes:
        """Six bytes, as an ESP32's base MAC address; the same for every run of a board."""
        return b"\x24\x6f\x28" + hashlib.sha256(self.about.name.encode()).digest()[:3]

    # Power

    def power_off(self) -> None:
        """Lose everything that is not in flash."""
        self._power_registers.clear()
        if self.pixel is not None:
            self.pixel.power_off()
        self.reset()
        self.rtc.power_off()
        self.nvs.power_off()
        if self.panel is not None:
            self.panel.power_off()

    def reset(self) -> None:
        """Reset the chip: pins become inputs, Wi-Fi is off; the RTC and the panel go on."""
        self.pins.reset()
        self.station.power_off()
        if self.memory is not None:
            self.memory.boot()
        self.is_led_on = self.pixel is not None and any(self.pixel.colour)
        wires = self.about.display.spi if self.about.display else None
        if self.panel is not None and wires is not None:
            self.panel.lit = wires.backlight < 0 and self._has_display_power()
        self.changed()

    def soft_reset(self) -> None:
        """Restart MicroPython: pin interrupts are off, and the hardware is left as it is."""
        self.pins.unwatch()
        if self.memory is not None:
            self.memory.restart()

    def boot(self) -> None:
        """Start counting uptime."""
        self._boot = self.clock.monotonic()

    def limit_memory(self) -> None:
        """Have the chip's own RAM and no more, where it is an ESP32 without PSRAM."""
        if self.about.chip.startswith("esp32") and not self.about.has_psram:
            self.memory = self.uplink.memory = ChipMemory(self.about.heap_initial)

    def use_memory(self, used: int, highest: int) -> None:
        """Have Python use `used` bytes of RAM, the last of them at `highest`."""
        if self.memory is not None:
            self.uplink.settle()
            self.memory.use_wifi(self.station.active(), self.station.isconnected())
            self.memory.use_python(used, highest)

    def start_thread(self, stack: int) -> int:
        """Start a thread of MicroPython with such a stack, 0 for the default; return its number.

        Raises OSError where the stack does not fit into the chip's RAM.
        """
        block = None if self.memory is None else self.memory.start_thread(stack)
        if self.memory is not None and block is None:
            raise OSError("can't create thread")
        self._threads.append(block)
        return len(self._threads) - 1

    def end_thread(self, number: int) -> None:
        """End a thread; its stack is free once the chip has been idle."""
        memory, block = self.memory, self._threads[number]
        if memory is not None and block is not None:
            self.clock.after(_IDLE, lambda: memory.end_thread(block))

    def uptime(self) -> float:
        """Seconds since the last boot."""
        return self.clock.monotonic() - self._boot

    # Network

    def wlan(self, name: str, is_access_point: bool, arguments: Any, settings: Any) -> Any:
        """Call a method of `network.WLAN`. Raises what `Station` does."""
        if is_access_point:
            if name == "active" and not any(arguments):
                return False
            raise WifiError("this board is a station only")
        if name.startswith("_") or name in ("power_off", "next_change", "deauthenticate"):
            raise AttributeError(name)
        found = getattr(self.station, name)(*arguments, **settings)
        if name == "connect":
            self.joining()
        return found

    def lose_wifi(self) -> None:
        """Switch the access point off; open connections hang."""
        self.access_point.up = False
        self._carry()

    def restore_wifi(self) -> None:
        """Switch the access point on again; connections from before are reset."""
        self.access_point.up = True
        self._carry()

    def change_password(self) -> None:
        """Restart the access point with another password, so that the board cannot join."""
        self.access_point.password = _ANOTHER_PASSWORD
        self.station.deauthenticate()
        self._carry()

    def restore_password(self) -> None:
        """Set the access point's password back to the board's."""
        self.access_point.password = PASSWORD
        self._carry()

    def addresses(self, host: str, port: int) -> list[tuple[str, int]]:
        """The loopback addresses and ports that lead to a server, as `Uplink.addresses`.

        Without Wi-Fi it raises LookupFailed for a name, and OSError for an IP address.
        """
        if not self.station.isconnected():
            if _is_address(host):
                raise OSError(_EHOSTUNREACH, "EHOSTUNREACH")
            raise LookupFailed(host)
        if port == time_server.PORT:  # there is one, whatever its name
            if self.uplink.is_silent or not self.uplink.dns:
                raise LookupFailed(host)
            return [self.time_server.address]
        return self.uplink.addresses(host, port)

    def network_time(self) -> float | None:
        """Unix seconds from the time server, None where it does not answer."""
        if not (self.has_time_server and self.station.isconnected()) or self.uplink.is_silent:
            return None
        return self.clock.now()

    # Buses

    def i2c_write(self, scl: int, sda: int, address: int, data: bytes) -> bool:
        """Send `data` to a device; False where none answers."""
        if self._is_power_chip(scl, sda, address):
            self._power_registers[data[0]] = data[1]
            self._power_changed()
            return True
        if not self._is_on_i2c(scl, sda, address):
            return False
        assert isinstance(self.panel, I2cPanel)
        self.panel.write(data)
        self.changed()
        return True

    def i2c_read(self, scl: int, sda: int, address: int, count: int) -> bytes | None:
        """Read from a device; None where none answers."""
        if not self._is_on_i2c(scl, sda, address):
            return None
        assert isinstance(self.panel, I2cPanel)
        return self.panel.read(count)

    def i2c_scan(self, scl: int, sda: int) -> list[int]:
        """Addresses of the devices that answer."""
        display = self.about.display
        if display is None or display.i2c is None:
            return []
        address = display.i2c.address
        return [address] if self._is_on_i2c(scl, sda, address) else []

    def spi_write(self, sck: int, mosi: int, data: bytes) -> None:
        """Clock `data` out; the panel takes it if its CS is low."""
        wires = self.about.display.spi if self.about.display else None
        if wires is None or (wires.sck, wires.mosi) != (sck, mosi):
            return
        if wires.cs >= 0 and self.pins.level(wires.cs):
            return
        assert isinstance(self.panel, SpiPanel)
        was_refreshing = self._is_refreshing()
        self.panel.transfer(data, bool(self.pins.level(wires.dc)))
        if self.panel.refreshing and not was_refreshing:
            self._refreshed_at = self.clock.monotonic() + self.panel.refreshing
        self.changed()

    def bitstream(self, pin: int, timing: Sequence[int], data: bytes) -> None:
        """Send `data` as a wave of `timing` (ns), as `machine.bitstream` does."""
        led = self.about.led
        if self.pixel is None or led is None or pin != led.pin or not self.pins.is_output(pin):
            return
        self.pixel.receive(timing, data)
        self.is_led_on = any(self.pixel.colour)
        self.changed()

    # What a person sees and does

    def picture(self) -> Image.Image | None:
        """What the panel shows, or is about to, None without one."""
        return None if self.panel is None else self.panel.settled()

    def press(self, name: str | None = None, seconds: float = _PRESS) -> bool:
        """Press a button (the first one) for a while; False where there is no such button."""
        if not self.hold(name):
            return False
        key = name or self.about.buttons[0].name
        self._held[key] = self.clock.after(seconds, lambda: self.release(key))
        return True

    def hold(self, name: str | None = None) -> bool:
        """Press a button and keep it pressed; False where there is no such button."""
        for button in self.about.buttons:
            if name in (None, button.name):
                if button.name in self._held:
                    self._held.pop(button.name).cancel()
                self.pins.drive(button.pin, button.pressed)
                return True
        return False

    def release(self, name: str | None = None) -> None:
        """Release a button, or all of them without a name."""
        for button in self.about.buttons:
            if name in (None, button.name):
                self.pins.drive(button.pin, 1 - button.pressed)

    def _is_refreshing(self) -> int:
        """Whether e-paper refreshes; its refresh ends as soon as somebody asks in time."""
        panel = self.panel
        if not isinstance(panel, SpiPanel) or not panel.refreshing:
            return 0
        if self.clock.monotonic() < self._refreshed_at:
            return 1
        panel.finish()
        self.changed()
        return 0

    def _carry(self) -> None:
        """Let traffic pass if the board can join its access point."""
        if self.access_point.up and self.access_point.password == PASSWORD:
            self.uplink.restore()
        else:
            self.uplink.cut()

    def _is_on_i2c(self, scl: int, sda: int, address: int) -> bool:
        wires = self.about.display.i2c if self.about.display else None
        wanted = (scl, sda, address)
        return (
            wires is not None
            and (wires.scl, wires.sda, wires.address) == wanted
            and self._has_display_power()
        )

    def _is_power_chip(self, scl: int, sda: int, address: int) -> bool:
        power = self.about.display.power if self.about.display else None
        chip = power.chip if power else None
        return chip is not None and (chip.scl, chip.sda, chip.address) == (scl, sda, address)

    def _has_display_power(self) -> bool:
        """Whether the pins and registers that power the display are set as in board.toml."""
        power = self.about.display.power if self.about.display else None
        if power is None:
            return True
        registers = power.chip.registers if power.chip else ()
        pins = {wanted.pin: wanted.level for wanted in power.pins}
        return all(
            self._power_registers.get(wanted.register) == wanted.value for wanted in registers
        ) and all(self.pins.level(pin) == level for pin, level in pins.items())

    def _power_changed(self) -> None:
        wires = self.about.display.spi if self.about.display else None
        if self.panel is not None and wires is not None and wires.backlight < 0:
            self.panel.lit = self._has_display_power()
            self.changed()

    def _pin_changed(self, pin: int, level: int) -> None:
        led = self.about.led
        if led is not None and self.pixel is None and pin == led.pin:
            self.is_led_on = level == led.on
            self.changed()
        wires = self.about.display.spi if self.about.display else None
        if wires is None or self.panel is None:
            return
        if pin == wires.backlight:
            self.panel.lit = bool(level)
            self.changed()
        elif pin == wires.reset and not level:
            self.panel.reset()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
