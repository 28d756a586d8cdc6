"""The few members that count of a JSON object of any length, taken as it arrives."""

from keyfob.compat import Loaded, const

_QUOTE = const(0x22)
_BACKSLASH = const(0x5C)
_BRACE = const(0x7B)
_COMMA = const(0x2C)
_COLON = const(0x3A)
_LONGEST = const(64)  # bytes of a member's name
_FRONT = const(2_048)  # bytes in front of the object


class Excerpt:
    """Leaves out of a JSON object all members but those that `names` lists.

    Feed it the pieces of the object in order, of any size. What is left of them is JSON, too.
    """

    def __init__(self, names):
        self._names = [b'"%s"' % name.encode() for name in names]
        self._name = bytearray()  # before the object: what there is of that
        self._is_kept = None  # whether the present member is; None before its colon
        self._depth = 0  # -1 behind the object
        self._is_text = False
        self._is_escaped = False

    def feed(self, piece):
        """Return what counts of the next bytes."""
        kept = bytearray()
        if not self._depth:
            piece = self._begin(piece)
            if self._depth == 1:
                kept.append(_BRACE)
        if self._depth < 0:
            return kept
        for octet in piece:
            if self._is_text:
                if self._is_escaped:
                    self._is_escaped = False
                elif octet == _BACKSLASH:
                    self._is_escaped = True
                elif octet == _QUOTE:
                    self._is_text = False
            elif octet == _QUOTE:
                self._is_text = True
            elif octet in b"{[":
                self._depth += 1
            elif octet in b"}]":
                self._depth -= 1
                if not self._depth:
                    self._depth = -1
                    kept.append(octet)
                    break
            elif self._depth == 1 and octet == _COMMA:
                if self._is_kept:
                    kept.append(octet)
                self._is_kept, self._name = None, bytearray()
                continue
            elif self._depth == 1 and octet == _COLON and self._is_kept is None:
                self._is_kept = bytes(self._name).strip() in self._names
                if self._is_kept:
                    kept.extend(self._name)
            if self._is_kept:
                kept.append(octet)
            elif self._is_kept is None and len(self._name) < _LONGEST:
                self._name.append(octet)
        return kept

    def _begin(self, piece):
        """The bytes behind the object's opening brace; none as long as that is not there."""
        front = self._name
        front.extend(piece)
        at = 0
        if front[:1] != b"{":
            with Loaded("keyfob.oauth.notice") as code:
                at = code.end(front)
        if at >= 0:
            self._name, self._depth = bytearray(), 1
            return front[at + 1 :]
        if len(front) > _FRONT:
            self._name, self._depth = None, -1
        return b""
