"""Every screen looks as it did when somebody last looked at it."""

import goldens
import pytest
from PIL import Image


@pytest.mark.parametrize(
    ("size", "language"), goldens.SHEETS, ids=lambda value: str(value).replace(", ", "x")
)
def test_screens_are_as_they_were_looked_at(size, language, tmp_path):
    drawn = goldens.sheet(size, language)
    path = goldens.path_of(size, language)
    if not path.exists() or not goldens.same(drawn, Image.open(path)):
        new = tmp_path / path.name
        drawn.save(new)
        pytest.fail(
            f"{path.name} is not what is drawn now: {new}\n"
            "try: .venv/bin/python tests/goldens.py, look at the pictures, commit them"
        )


def test_no_sheet_is_left_over():
    known = {goldens.path_of(size, language) for size, language in goldens.SHEETS}
    assert set(goldens.FOLDER.iterdir()) == known
