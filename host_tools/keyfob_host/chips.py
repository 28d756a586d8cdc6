"""The chips of the boards: what esptool and an image's header call them."""

from typing import NamedTuple


class Chip(NamedTuple):
    """A chip; `image_id` is what the header of an Espressif image holds, None on other chips."""

    title: str
    image_id: int | None


# By esptool's name, and by MicroPython's where it is no Espressif chip.
CHIPS = {
    "esp32": Chip("ESP32", 0),
    "esp32s2": Chip("ESP32-S2", 2),
    "esp32c3": Chip("ESP32-C3", 5),
    "esp32s3": Chip("ESP32-S3", 9),
    "esp32c2": Chip("ESP32-C2", 12),
    "esp32c6": Chip("ESP32-C6", 13),
    "esp32h2": Chip("ESP32-H2", 16),
    "esp32p4": Chip("ESP32-P4", 18),
    "esp32c61": Chip("ESP32-C61", 20),
    "esp32c5": Chip("ESP32-C5", 23),
    "rp2040": Chip("RP2040", None),
}


def title(chip: str) -> str:
    """What a person calls the chip of that name."""
    return CHIPS[chip].title if chip in CHIPS else chip


def name_of(title: str) -> str:
    """The name of the chip that esptool shows as `title`: ESP32-C3 is esp32c3."""
    return title.lower().replace("-", "")


def of_machine(machine: str) -> str | None:
    """The chip in what MicroPython calls its machine, None for one that is not known here."""
    name = name_of(machine.rpartition(" with ")[2])
    return name if name in CHIPS else None
