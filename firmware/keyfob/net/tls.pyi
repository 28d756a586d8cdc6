from collections.abc import Sequence
from ssl import SSLContext

def make_context(roots: Sequence[bytes]) -> SSLContext: ...
