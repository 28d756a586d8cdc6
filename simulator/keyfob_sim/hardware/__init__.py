"""The hardware of a virtual board: flash, NVS, panels, pins, Wi-Fi, clocks and power."""
