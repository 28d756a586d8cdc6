// MicroPython's own configuration of ESP32_GENERIC_S3, under the name of this board.

#include "boards/ESP32_GENERIC_S3/mpconfigboard.h"

#undef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "Waveshare ESP32-S3-Touch-LCD-1.28, with a round GC9A01 TFT, 240 x 240"
