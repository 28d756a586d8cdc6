"""The VM's table of blocks, read as a board's heap."""

import pytest

from keyfob_host.vm import in_the_vm
from keyfob_sim.hardware.heap_table import Use, use


def table(letters: str) -> bytes:
    """A table in which h begins an object, H does so marked, = continues it, and a dot is free."""
    kinds = [
        ".h=H".index(letter) for letter in letters.ljust(-len(letters) % 4 + len(letters), ".")
    ]
    return bytes(
        sum(kind << 2 * place for place, kind in enumerate(kinds[start : start + 4]))
        for start in range(0, len(kinds), 4)
    )


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("", Use(0, 0)),
        ("........", Use(0, 0)),
        ("h", Use(16, 16)),  # one of pointers, which is half as large on a board
        ("h=H=", Use(64, 64)),
        ("hhhh", Use(64, 64)),
        ("h===", Use(89, 89)),
        ("h" + "=" * 31, Use(921, 921)),
        ("h" + "=" * 1023, Use(32768, 32768)),  # a buffer, which is as large
        ("h....h..", Use(32, 120)),
        ("....h", Use(16, 104)),
    ],
)
def test_objects_and_holes(letters: str, expected: Use) -> None:
    assert use(table(letters)) == expected
    assert use(table(letters) + bytes(100)) == expected


def test_what_is_there_beside_the_stand_ins() -> None:
    stand_ins = use(table("hhhh"))
    assert use(table("hhhhhh")).beyond(stand_ins) == Use(32, 32)
    assert use(table("hh..hh")).beyond(stand_ins) == Use(0, 44)
    assert use(table("hh")).beyond(stand_ins) == Use(0, 0)


def test_a_heap_of_the_vm_that_holds_as_much() -> None:
    assert in_the_vm(114_688) == 165_150
