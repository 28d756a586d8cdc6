"""Power lost at every operation on flash, on every kind of home.

Whatever was being done, the record of before or of after is there when the board boots
again, never one before that, and the next save works.
"""

import json

import flash
import support

from keyfob.errors import StorageError

A, B, C, NEXT = [
    {"for": ["https://as.example", "board"], "tokens": {"refresh_token": "rt-%d-" % n + "x" * 700}}
    for n in range(4)
]


def _saved(*records):
    def prepare(world):
        store = world.boot()
        for record in records:
            store.save(record)

    return prepare


def _former(record):
    return lambda world: world.put_former(json.dumps(record))


def _half_migrated(world):
    """As a cut leaves it between the first save and the removal of the former file."""
    world.put_former(json.dumps(A))
    store = world.boot()
    store._write(0, *store._pack(json.dumps(B), 1))


def _torn(world):
    """As a cut leaves it in the middle of a save."""
    _saved(A, B)(world)
    home = world.boot()._home
    home.write(0, [b"".join([bytes(piece) for piece in home.pieces(0)])[:100]])


def _save(store):
    store.load()
    store.save(C)


def _copy(store):
    store.load()
    store.copy(C)


def _erase(store):
    store.erase()


# What was there, what is done, and what may be there after a cut in it.
SCENES = (
    (_saved(), _save, (None, C)),
    (_saved(A), _save, (A, C)),
    (_saved(A, B), _save, (B, C)),
    (_torn, _save, (B, C)),
    (_former(A), _save, (A, C)),
    (_half_migrated, _save, (B, C)),
    (_saved(), _copy, (None, C)),
    (_saved(A), _copy, (A, C)),
    (_saved(A, B), _copy, (B, C)),
    (_torn, _copy, (B, C)),
    (_former(A), _copy, (A, C)),
    (_half_migrated, _copy, (B, C)),
    (_saved(A), _erase, (A, None)),
    (_saved(A, B), _erase, (B, None)),
    (_saved(A, B, C), _erase, (C, None)),
    (_torn, _erase, (B, None)),
    (_former(A), _erase, (A, None)),
    (_half_migrated, _erase, (B, None)),
)


def _cut(world, scene, at, how):
    """Play a scene whose power fails at operation `at`; whether it did."""
    prepare, act, allowed = scene
    world.blank()
    prepare(world)
    store = world.boot()
    world.power.cut(at, how)
    try:
        act(store)
    except flash.PowerLost:
        pass
    except StorageError:  # from littlefs, which closes the file on its way out
        assert not world.power.is_on
    was_cut = not world.power.is_on
    name = "%s at %d %s" % (world.name, at, how)
    found = world.boot().load()
    assert found in (allowed if was_cut else allowed[1:]), name
    assert world.boot().load() == found, name
    world.boot().save(NEXT)
    assert world.boot().load() == NEXT, name
    world.boot().erase()
    assert world.boot().load() is None, name
    return was_cut


def test_sweep_a_cut_at_every_operation():
    for world in flash.worlds():
        cuts = 0
        for number, scene in enumerate(SCENES):
            for how in flash.HOWS if support.WHOLE else (flash.HOWS[number % 3],):
                at = 1
                while _cut(world, scene, at, how):
                    at += 1
                cuts += at - 1
        flash.leave(world)
        print(world.name, cuts, "cuts")
        assert cuts >= 12
