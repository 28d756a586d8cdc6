// MicroPython's own configuration of ESP32_GENERIC, under the name of this board.

#include "boards/ESP32_GENERIC/mpconfigboard.h"

#undef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "LilyGO T5 V2.13, ESP32 with SSD1680 e-paper, 250 x 122"
