# MicroPython's own configuration of ESP32_GENERIC, with keyfob frozen in.

include(boards/ESP32_GENERIC/mpconfigboard.cmake)

set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
