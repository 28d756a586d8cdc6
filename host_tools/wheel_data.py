"""Build hook: a wheel carries boards/ and firmware/ as data of `keyfob_host`.

An editable install reads both from the checkout, so it gets no copies that could go stale.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("boards", "firmware")
NOT_SOURCE = ("__pycache__", ".mypy_cache", ".ruff_cache")


class WheelData(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        for folder in FOLDERS:
            for path in sorted((root / folder).rglob("*")):
                name = path.relative_to(root)
                if path.is_file() and not any(part in NOT_SOURCE for part in name.parts):
                    build_data["force_include"][str(path)] = f"keyfob_host/data/{name.as_posix()}"
