"""Switching on the display's power, on boards where that takes more than a supply."""

import time

_SETTLE = 0.02  # s after each pin


def power_up(power):
    """Set the registers of a power chip, then pins, as `display.power` of /board.json says."""
    from machine import I2C, Pin

    chip = power.get("chip")
    if chip:
        i2c = I2C(chip["id"], scl=Pin(chip["scl"]), sda=Pin(chip["sda"]), freq=chip["frequency"])
        for entry in chip["registers"]:
            i2c.writeto(chip["address"], bytes((entry["register"], entry["value"])))
    for entry in power.get("pins", ()):
        Pin(entry["pin"], Pin.OUT, value=entry["level"])
        time.sleep(_SETTLE)
