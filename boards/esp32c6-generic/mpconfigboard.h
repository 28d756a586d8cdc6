// MicroPython's own configuration of ESP32_GENERIC_C6, under the name of this board.

#include "boards/ESP32_GENERIC_C6/mpconfigboard.h"

#undef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "ESP32-C6, any module with 4 MB of flash"
