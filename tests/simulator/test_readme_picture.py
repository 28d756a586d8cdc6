"""The README's moving picture shows what the board and the page show today."""

import readme_picture

STALE = "make readme-picture, look at it, commit it"
MOST = 300_000  # bytes


def test_the_panel_in_the_picture_is_what_the_board_draws():
    screens, kept = readme_picture.screens(), readme_picture.kept()
    assert len(kept) == len(readme_picture.SCENES), STALE
    for glass, (name, *_) in zip(kept, readme_picture.SCENES, strict=True):
        assert readme_picture.same(glass, screens[name]), STALE


def test_the_page_in_the_picture_is_that_of_today():
    assert readme_picture.comment() == readme_picture.digest(), STALE


def test_the_picture_is_in_the_readme_and_loads_fast():
    name = readme_picture.PICTURE.relative_to(readme_picture.ROOT).as_posix()
    assert f"({name})" in (readme_picture.ROOT / "README.md").read_text("utf-8")
    assert readme_picture.PICTURE.stat().st_size < MOST
