"""What MicroPython and CPython do differently."""

import gc
import sys

from support import raises

from keyfob.compat import lent, unload


def threshold(*value):
    """The garbage collector's, as MicroPython has it; None where there is none."""
    return gc.threshold(*value) if hasattr(gc, "threshold") else None


def test_the_first_import_has_garbage_collected_early_from_then_on():
    known = sys.modules.pop("keyfob")
    threshold(-1)
    try:
        import keyfob

        assert threshold() in (None, 4096)
        threshold(8192)  # the program's own
        unload("keyfob.requests_adapter")
        assert keyfob.RequestsAdapter is not None
        assert threshold() in (None, 8192)
    finally:
        sys.modules["keyfob"] = known
        threshold(-1)


def test_a_lent_method_can_be_called_again():
    diff = lent(5, "diff", "keyfob.oauth.ticks")
    assert [diff(3), diff(earlier=4)] == [2, 1]
    raises(AttributeError, lent, 5, "nothing", "keyfob.oauth.ticks")
