from typing import Literal

from keyfob.storage.seal import Seal
from keyfob.storage.token_store import TokenStore

def open_store(
    name: str = "account",
    directory: str = "",
    home: Literal["files", "nvs"] = "files",
    seal: Seal | None = None,
) -> TokenStore: ...
