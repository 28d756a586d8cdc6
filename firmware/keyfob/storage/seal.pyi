from keyfob.storage import _Bytes

class Seal:
    def __init__(self, secret: bytes, name: str = "account") -> None: ...
    def seal(self, data: bytes, what: bytes) -> bytes: ...  # internal
    def unseal(self, sealed: bytes, what: bytes) -> bytes: ...  # internal

def derive(secret: bytes, label: bytes) -> bytes: ...  # internal
def hmac(key: bytes, *parts: _Bytes) -> bytes: ...  # internal
