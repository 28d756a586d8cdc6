// MicroPython's own configuration of RPI_PICO_W, under the name of this board.

#include "boards/RPI_PICO_W/mpconfigboard.h"

#undef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "Raspberry Pi Pico W with an SSD1306 OLED, 128 x 64"
