# MicroPython's own configuration of ESP32_GENERIC_S3, with keyfob frozen in.

include(boards/ESP32_GENERIC_S3/mpconfigboard.cmake)

set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
