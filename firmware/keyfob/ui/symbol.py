"""Which QR code goes on a panel beside a user code."""

from keyfob.ui.layout import largest_symbol
from keyfob.ui.qr import encode

_LARGEST = 10  # the encoder's largest version


def symbol_for(panel, code):
    """Return the QR of the address in `code` (the members of user_code) as `encode` does.

    The complete address if `panel` has room for it, else the one without the user code,
    else None.
    """
    version = min(largest_symbol(panel), _LARGEST)
    for address in (code.get("verification_uri_complete"), code["verification_uri"]):
        if address and version:
            try:
                return encode(address, "L", version)
            except ValueError:
                pass  # it does not fit
    return None
