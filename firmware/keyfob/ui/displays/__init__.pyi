from typing import Protocol, TypeAlias

_Bytes: TypeAlias = bytes | bytearray | memoryview

class _Bus(Protocol):
    def command(self, data: _Bytes) -> None: ...
    def data(self, data: _Bytes) -> None: ...
