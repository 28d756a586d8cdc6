# MicroPython's own configuration of RPI_PICO_W, with keyfob frozen in.

include(boards/RPI_PICO_W/mpconfigboard.cmake)

set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
