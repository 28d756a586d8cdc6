# MicroPython's own configuration of ESP32_GENERIC_C6, with keyfob frozen in.

include(boards/ESP32_GENERIC_C6/mpconfigboard.cmake)

set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
