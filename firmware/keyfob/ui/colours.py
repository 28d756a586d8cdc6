"""The colours of screens, as RGB565."""

from keyfob.compat import const

GROUND = const(0x0863)
WHITE = const(0xF7BE)
GREY = const(0x94B4)
BAR = const(0x1926)  # behind the title, and of the time that is over
PAPER = const(0xFFFF)  # around a symbol
INK = const(0x0000)
TONES = "wait good trouble"
ACCENTS = (0x451F, 0x362D, 0xFD64)  # by the tone of a screen
