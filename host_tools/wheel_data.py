"""Build hook: a wheel carries boards/ and firmware/ as data of `keyfob_host`.

An editable install reads both from the checkout, so it gets no copies that could go stale.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("boards", "firmware")


class WheelData(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            for folder in FOLDERS:
                source = str(Path(self.root, folder))
                build_data["force_include"][source] = f"keyfob_host/data/{folder}"
