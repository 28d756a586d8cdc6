// MicroPython's own configuration of ESP32_GENERIC_C3, under the name of this board.

#include "boards/ESP32_GENERIC_C3/mpconfigboard.h"

#undef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "ESP32-C3 with an SSD1306 OLED, 72 x 40"
