# Freezes keyfob into a MicroPython build: code that is frozen costs no RAM.
#
#   include("$(PORT_DIR)/boards/manifest.py")
#   include("/path/to/firmware/manifest.py")
#
# It needs asyncio, ssl and socket, which the manifest of an ESP32 brings along.

# ruff: noqa: F821 - the names are those of MicroPython's manifest language

metadata(
    description="Link a device without a keyboard to a person's account (RFC 8628)",
    version="0.1.0",
    license="MIT",
)

package("keyfob")
