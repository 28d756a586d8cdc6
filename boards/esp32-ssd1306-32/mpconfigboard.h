// MicroPython's own configuration of ESP32_GENERIC, under the name of this board.

#include "boards/ESP32_GENERIC/mpconfigboard.h"

#undef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "ESP32 with an SSD1306 OLED, 128 x 32"
