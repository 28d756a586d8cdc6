"""The screens of a board as PNG files: its lines of text, and the QR that stands beside them."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from keyfob_host.report.qr_code import qr_modules

_MARGIN = 16  # px
_MODULE = 6  # px of one QR module
_TEXT_SIZE = 18  # px
_LEADING = 26  # px from line to line


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
