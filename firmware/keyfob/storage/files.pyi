from collections.abc import Iterable, Iterator

from keyfob.storage import _Bytes

class FileHome:
    hint: str
    def __init__(self, directory: str = "", name: str = "account") -> None: ...
    def pieces(self, place: int) -> Iterator[_Bytes]: ...  # internal
    def write(self, place: int, parts: Iterable[_Bytes]) -> None: ...  # internal
    def holds(self, place: int, parts: Iterable[_Bytes]) -> bool: ...  # internal
    def remove(self, place: int) -> None: ...  # internal
