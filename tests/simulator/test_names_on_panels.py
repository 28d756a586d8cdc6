"""People's names on a panel, read back from its pixels."""

import pytest
from name_sheets import PEOPLE, SIZES, pages
from screen_reader import lines_of, squeezed


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("name", "address", "shown"), [row[1:] for row in PEOPLE])
def test_a_name_is_whole_on_the_glass(size, name, address, shown):
    read = "".join("".join(lines_of(page)) for page in pages(size, name, address))
    assert squeezed(read) == squeezed("Linked" + ("Account" + shown if shown else ""))
