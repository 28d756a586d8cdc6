from machine import Pin

from keyfob.ui import led

class StatusLed(led.StatusLed):
    def __init__(self, pin: Pin, kind: str) -> None: ...
