"""What MicroPython and CPython do differently."""

import gc
import sys

from keyfob.compat import unload


def threshold(*value):
    """The garbage collector's, as MicroPython has it; None where there is none."""
    return gc.threshold(*value) if hasattr(gc, "threshold") else None


def test_a_public_name_that_is_loaded_has_garbage_collected_early_from_then_on():
    import keyfob

    unload("keyfob.requests_adapter")
    threshold(-1)
    assert keyfob.RequestsAdapter is not None
    assert threshold() in (None, 4096)

    threshold(8192)  # the program's own
    assert "keyfob.requests_adapter" in sys.modules
    assert keyfob.RequestsAdapter is not None
    assert threshold() in (None, 8192)
    threshold(-1)
