from keyfob.ui.displays.tft import Tft

class GC9A01(Tft):
    round: bool
