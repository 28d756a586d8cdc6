"""The QR that a terminal or a picture shows, as modules."""

import qrcode
from qrcode.constants import ERROR_CORRECT_L


def qr_modules(text: str, border: int = 4) -> list[list[bool]]:
    """The QR of `text` with its quiet zone of `border` modules; True is dark."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_L, border=border)
    code.add_data(text)
    code.make(fit=True)
    return code.get_matrix()
