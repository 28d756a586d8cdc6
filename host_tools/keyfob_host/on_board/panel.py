"""The addresses that answer on the I2C bus of the display in /board.json: null without one."""

import json

found = None
try:
    with open("/board.json") as file:
        display = json.load(file).get("display", {})
    wires = display.get("i2c")
except (OSError, ValueError, AttributeError):
    wires = None
if wires:
    from machine import I2C, Pin

    if "power" in display:
        from keyfob.ui.displays.power import power_up

        power_up(display["power"])
    bus = I2C(wires["id"], scl=Pin(wires["scl"]), sda=Pin(wires["sda"]), freq=wires["frequency"])
    found = [wires["address"], bus.scan()]
print(json.dumps(found))
