"""Which QR code fits on a panel beside a user code, and the least size of its modules."""

from keyfob.compat import Loaded, const

_SMALL = const(64)  # pixels of the short side up to which a module may be 2 pixels wide, not 3
_NARROW = const(100)  # pixels of the short side between which a symbol needs all its quiet zone
_WIDE = const(128)
_LARGEST = const(10)  # the encoder's largest version


def symbol_for(panel, code):
    """Return the QR of the address in `code` (the members of user_code) as `qr.encode` does.

    It has the complete address if that fits on `panel`, else the one without the user code. None
    where neither fits.
    """
    version = min(largest_symbol(panel), _LARGEST)
    if not version:
        return None
    with Loaded("keyfob.ui.qr") as qr:
        for address in (code.get("verification_uri_complete"), code["verification_uri"]):
            if address:
                try:
                    return qr.encode(address, "L", version)
                except ValueError:
                    pass  # it does not fit
    return None


def largest_symbol(panel):
    """Return the largest version of QR code that can be scanned from `panel`, or 0."""
    side = short(panel)
    quiet = 8 if _NARROW < side < _WIDE else 2  # of which less was seen to be missed
    if getattr(panel, "round", False):  # the square in the circle, and not quite all of it
        side = side * 7 // 10
        quiet = 8
    modules = side // least_module(panel) - quiet
    return max(0, (modules - 17) // 4)


def least_module(panel):
    """Return the least width of a module, in pixels, that a camera can read."""
    return 2 if short(panel) <= _SMALL else 3


def short(panel):
    """Return the length of the short side in pixels."""
    return min(panel.width, panel.height)


def draw_symbol(panel, symbol, module, light, x, y):
    """Draw a symbol of `qr.encode` in the middle of a light square of `light` pixels at x, y.

    `module` is the width of a module in pixels.
    """
    bitmap, size = symbol
    stride = (size + 7) // 8
    panel.fill_rect(x, y, light, light, 1)
    quiet = (light - size * module) // 2
    y += quiet
    for row in range(size):
        start = 0
        for column in range(size + 1):  # a run of dark modules ends with the row
            byte = row * stride + (column >> 3)
            if column < size and bitmap[byte] >> (7 - (column & 7)) & 1:
                continue
            if column > start:
                left = x + quiet + start * module
                panel.fill_rect(left, y, (column - start) * module, module, 0)
            start = column + 1
        y += module
