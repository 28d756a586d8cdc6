// MicroPython's own configuration of ESP32_GENERIC, under the name of this board.

#include "boards/ESP32_GENERIC/mpconfigboard.h"

#undef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "M5Stack Core2, ESP32 with an ILI9342C TFT, 320 x 240"
