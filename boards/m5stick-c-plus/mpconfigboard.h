// MicroPython's own configuration of ESP32_GENERIC, under the name of this board.

#include "boards/ESP32_GENERIC/mpconfigboard.h"

#undef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "M5StickC Plus, ESP32 with an ST7789 TFT, 135 x 240"
