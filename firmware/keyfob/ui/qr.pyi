from collections.abc import Callable
from typing import Literal, TypeAlias

_Split: TypeAlias = Callable[[bytes, int, bytes], tuple[int, bytearray]]
_Draw: TypeAlias = Callable[[bytes, bytearray, int, bytes], bytearray]

KERNELS: tuple[_Split, _Draw] | None
TABLES: bytes

def encode(
    text: str, level: Literal["L", "M"] = "L", max_version: int = 10
) -> tuple[bytearray, int]: ...
