"""What MicroPython and CPython do differently."""

import gc
import sys

from support import raises

from keyfob.compat import lent, unload


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


def test_a_lent_method_can_be_called_again():
    diff = lent(5, "diff", "keyfob.oauth.ticks")
    assert [diff(3), diff(earlier=4)] == [2, 1]
    raises(AttributeError, lent, 5, "nothing", "keyfob.oauth.ticks")
