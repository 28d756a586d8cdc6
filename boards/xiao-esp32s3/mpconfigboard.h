// MicroPython's own configuration of ESP32_GENERIC_S3, under the name of this board.

#include "boards/ESP32_GENERIC_S3/mpconfigboard.h"

#undef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "Seeed Studio XIAO ESP32S3"
