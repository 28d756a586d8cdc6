"""A WS2812 RGB LED, by itself on a pin: its own reading of the waves that it is sent."""

from collections.abc import Sequence

# ns by the WS2812B datasheet: the high and the low of a 0, and of a 1.
_WAVE = (400, 850, 800, 450)
_TOLERANCE = 150
_COLOURS = 3  # bytes: green, red, blue


class Pixel:
    """`colour` is red, green and blue, 0 to 255 each. Without power it is dark."""

    def __init__(self) -> None:
        self.power_off()

    def power_off(self) -> None:
        """Lose the colour, which nothing else takes from it: a reset of the chip does not."""
        self.colour = (0, 0, 0)

    def receive(self, timing: Sequence[int], data: bytes) -> None:
        """Take the colour from a wave of `timing` (ns); what it cannot read changes nothing.

        What is behind its three bytes is for the next pixel, and there is none.
        """
        is_read = len(timing) == len(_WAVE) and all(
            abs(sent - known) <= _TOLERANCE for sent, known in zip(timing, _WAVE, strict=True)
        )
        if is_read and len(data) >= _COLOURS:
            green, red, blue = data[:_COLOURS]
            self.colour = (red, green, blue)
