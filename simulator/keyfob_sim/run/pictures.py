"""The screens of a board as PNG files: its lines of text, and the QR that stands beside them."""

from pathlib import Path

import qrcode
from PIL import Image, ImageDraw, ImageFont
from qrcode.constants import ERROR_CORRECT_L

_MARGIN = 16  # px
_MODULE = 6  # px of one QR module
_TEXT_SIZE = 18  # px
_LEADING = 26  # px from line to line


def qr_modules(text: str, border: int = 4) -> list[list[bool]]:
    """The QR of `text` with its quiet zone of `border` modules; True is dark."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_L, border=border)
    code.add_data(text)
    code.make(fit=True)
    return code.get_matrix()


def save(lines: list[str], qr_text: str | None, path: Path) -> None:
    """Draw `lines`, with the QR of `qr_text` below them, dark on light, into `path`."""
    font = ImageFont.load_default(_TEXT_SIZE)
    modules = qr_modules(qr_text) if qr_text else []
    side = len(modules) * _MODULE
    width = max([side, *(int(font.getlength(line)) for line in lines)]) + 2 * _MARGIN
    height = len(lines) * _LEADING + side + 2 * _MARGIN
    picture = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        draw.text((_MARGIN, _MARGIN + row * _LEADING), line, fill=0, font=font)
    top = _MARGIN + len(lines) * _LEADING
    for y, row_of in enumerate(modules):
        for x, dark in enumerate(row_of):
            if dark:
                left, upper = _MARGIN + x * _MODULE, top + y * _MODULE
                draw.rectangle((left, upper, left + _MODULE - 1, upper + _MODULE - 1), fill=0)
    picture.save(path)
