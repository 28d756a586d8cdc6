"""What the project's Markdown names is there: links, paths, and the names in CONTRIBUTING.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SKIPPED = {".venv", "build", "dist", "node_modules"}
DOCUMENTS = sorted(
    path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts)
)
FOLDERS = ("firmware", "host_tools", "simulator", "tests", "boards")


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document):
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_every_path_is_there(name):
    text = (ROOT / name).read_text("utf-8")
    for path in re.findall(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]*\w", text):
        assert "NAME" in path or list(ROOT.glob(path)), path


def test_the_names_in_the_recipes_are_in_the_code():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("\n## Recipes")[2]
    sources = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    code = "\n".join(path.read_text("utf-8") for path in sources if path != Path(__file__))
    names = set(re.findall(r"`(\w*[A-Z_]\w*)`", text)) - {"NAME"}
    assert len(names) > 20
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", code)) == []
