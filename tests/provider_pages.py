"""The pages on providers, host_tools/providers/NAME.md, which are made from the presets.

`.venv/bin/python tests/provider_pages.py` writes them anew after a preset was changed, and the
overview's rows.
"""

from pathlib import Path

from keyfob_host.providers.page import page
from keyfob_host.providers.presets import Preset, known_providers, load

PAGES = Path(__file__).parents[1] / "host_tools" / "providers"
OVERVIEW = PAGES / "README.md"


def row(preset: Preset) -> str:
    """A provider in the table of the overview."""
    client, refresh = "no grant", ""
    if preset.provider is not None:
        is_scope = preset.refresh not in ("always", "never")
        client, refresh = preset.client, f"`{preset.refresh}`" if is_scope else preset.refresh
    name = preset.name
    cells = (f"[{preset.title}]({name}.md)", f"`{name}`", client, refresh, preset.grade)
    return f"| {' | '.join(map(str, cells))} | {preset.checked.isoformat()} |"


def rows() -> list[str]:
    """All of them, by title."""
    presets = map(load, known_providers())
    return [row(preset) for preset in sorted(presets, key=lambda preset: preset.title.lower())]


def renew() -> None:
    """Write them all."""
    for name in known_providers():
        (PAGES / f"{name}.md").write_text(page(load(name)), "utf-8")
    lines = OVERVIEW.read_text("utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|---")) + 1
    end = next(n for n, line in enumerate(lines[start:], start) if not line.startswith("|"))
    OVERVIEW.write_text("\n".join([*lines[:start], *rows(), *lines[end:]]) + "\n", "utf-8")


if __name__ == "__main__":
    renew()
