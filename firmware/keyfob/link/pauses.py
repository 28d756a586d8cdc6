"""When an attempt to link that failed is made again by itself."""

from keyfob.compat import const
from keyfob.errors import KeyfobError, LinkExpired, TransportError

_HOUR = const(3_600_000)  # ms
_LONGEST = const(86_400)  # s of a provider's Retry-After

# By the error that ended the attempt, the first that fits: whether a board with a button goes on
# by itself, too; ms before the first attempt that follows, the second ..., the last one for good.
_PAUSES = (
    (LinkExpired, False, (1_000, 1_000, 1_000, _HOUR)),
    (TransportError, True, (10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 900_000)),
    (KeyfobError, False, (_HOUR,)),  # a person has to mend it, perhaps at the provider
)
_PASSING = const(1)  # the row of what passes


def new_tries():
    """Return what `pause` counts in."""
    return [0 for _ in _PAUSES]


def pause(error, tries, has_button, spread):
    """Return ms until the attempt after `error`, None where it takes a press of the button.

    `spread(ms)` returns a random number of ms below `ms`, so that boards do not come in step.
    """
    asked_for = getattr(error, "retry_after", None)  # s
    row = _PASSING if asked_for is not None else _row(error)
    _, is_for_all, pauses = _PAUSES[row]
    if has_button and not is_for_all:
        return None
    if row != _PASSING:
        tries[_PASSING] = 0
    ms = pauses[min(tries[row], len(pauses) - 1)]
    tries[row] += 1
    ms += spread(ms // 4)
    return max(ms, min(asked_for or 0, _LONGEST) * 1000)


def _row(error):
    for row in range(len(_PAUSES)):
        if isinstance(error, _PAUSES[row][0]):
            return row
