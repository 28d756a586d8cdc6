"""What a program wants of a long JSON reply, taken out of it as it arrives."""

import json

from keyfob.compat import const
from keyfob.errors import TransportError

_QUOTE = const(0x22)
_BACKSLASH = const(0x5C)
_BRACE = const(0x7B)
_BRACKET = const(0x5B)
_COLON = const(0x3A)
_COMMA = const(0x2C)
_BLANKS = b" \t\r\n"
_FIRST = b'"{[-0123456789tfn'  # of a value
_BOM = b"\xef\xbb\xbf"
_LONGEST = const(64)  # bytes of a member's name
_LONGEST_ITEM = const(4_096)  # bytes
_DEEPEST = const(32)  # objects and arrays within each other

# What comes next.
_VALUE = const(0)
_NAME = const(1)
_END_OF_NAME = const(2)  # a colon
_SCALAR = const(3)  # more of a number or a word
_NEXT = const(4)  # a comma, or the end of what is open
_NOTHING = const(5)  # the end has come, or it is no JSON


def select(paths, callback=None):
    """Return what takes out of a JSON text the members that `paths` lead to.

    Its `feed` is given the pieces of the text, in order and of any size, and returns what counts
    of each: that is JSON, too, of the same shape. A path is the names of members, with a `/`
    between them; of an array it goes on in each element. "start/day" keeps of
    `[{"start": {"day": 5, ...}, ...}, ...]` no more than `[{"start": {"day": 5}}, ...]`. Without
    any path everything is kept.

    With a `callback` the elements of the first array on the way of a path are not kept: it is
    called with each, as `json` reads it, once that has arrived. What it raises ends that, and so
    does an element of which more than 4096 bytes count; `check` raises it once the reply is there.

    The RAM that it takes depends on no length. Text that is no JSON loses its end, so that no
    parser accepts it. What is left out is checked for its strings and brackets only.
    """
    return _Selection(paths, callback)


class _Selection:
    def __init__(self, paths, callback):
        self._error = None
        self._callback = callback
        self._wanted = _tree(paths)  # of the next value: see _tree; None where nothing is
        self._state = _VALUE
        self._open = []  # of each array and object around it, what is wanted there, and its kind
        self._has_more = [False]  # of each, whether something of it was kept
        self._name = None
        self._is_text = self._is_escaped = False
        self._depth = 0  # within a value that is kept or left out as a whole
        self._is_start = True
        self._is_whole = False
        self._array = None  # how many are open around an element for `callback`
        self._item = None  # what there is of that element

    def feed(self, piece):
        """Return what counts of the next bytes."""
        rest = bytearray()
        at = 0
        while at < len(piece):
            kept = rest if self._item is None else self._item
            if self._depth:
                at = self._within(piece, at, kept)
            elif self._is_text:
                at = self._text(piece, at, kept)
            elif self._state == _NOTHING:
                break
            elif piece[at] in _BLANKS or (self._is_start and piece[at] in _BOM):
                if self._state == _SCALAR:
                    self._state = _NEXT
                at += 1
            else:
                self._is_start = False
                at = self._step(piece, at, kept)
            if self._item is not None:
                self._look_at_item()
            if not self._open and self._state == _NEXT:
                self._state = _NOTHING
                self._is_whole = True
        return rest

    def check(self, reply):
        """Raise what `callback` has raised, or TransportError for a reply that it cannot have."""
        if self._error is not None:
            raise self._error
        if self._callback is not None and reply.status == 200 and not self._is_whole:
            raise _error("the reply is no JSON, or has no end")

    def _look_at_item(self):
        """Give the element to `callback`, if it is whole."""
        if self._state != _NEXT or len(self._open) != self._array:
            if len(self._item) > _LONGEST_ITEM:
                self._end(_error("an element has more than %d bytes" % _LONGEST_ITEM))
            return
        item, self._item = self._item, None
        try:
            item = json.loads(item)
        except (ValueError, RuntimeError):  # RuntimeError: too deep
            self._end(None)
            return
        try:
            self._callback(item)
        except Exception as error:  # noqa: BLE001 - it is raised once the reply is read
            self._end(error)

    def _end(self, error):
        self._error = error
        self._item = None
        self._is_text, self._depth, self._state = False, 0, _NOTHING

    def _text(self, piece, at, kept):
        """Take what there is of a name or another string; return where that ends."""
        start = at
        if self._is_escaped:
            self._is_escaped = False
            at += 1
        end = piece.find(b'"', at)
        if end < 0:
            end = len(piece)
        escape = piece.find(b"\\", at, end)
        if escape >= 0:
            self._is_escaped = True
            end = escape
        elif end < len(piece):
            self._is_text = False
            self._state = _END_OF_NAME if self._state == _NAME else _NEXT
        at = min(end + 1, len(piece))
        if self._state in (_NAME, _END_OF_NAME):
            if len(self._name) <= _LONGEST:  # else nobody wants it
                self._name.extend(piece[start:at])
        elif self._wanted is not None:
            kept.extend(piece[start:at])
        return at

    def _within(self, piece, at, kept):
        """Take what there is of a value that is whole; return where that ends."""
        start = at
        size = len(piece)
        depth, is_text = self._depth, self._is_text
        if self._is_escaped:
            self._is_escaped = False
            at += 1
        while depth and at < size:
            if is_text:
                end = piece.find(b'"', at)
                escape = piece.find(b"\\", at, size if end < 0 else end)
                if escape >= 0:
                    at = escape + 2
                    self._is_escaped = at > size
                elif end < 0:
                    at = size
                else:
                    is_text = False
                    at = end + 1
                continue
            octet = piece[at]
            at += 1
            if octet == _QUOTE:
                is_text = True
            elif octet in b"{[":
                depth += 1
            elif octet in b"}]":
                depth -= 1
        self._depth, self._is_text = depth, is_text
        if not depth:
            self._state = _NEXT
        if self._wanted is not None:
            kept.extend(piece[start:at])
        return at

    def _step(self, piece, at, kept):
        """Take one sign of what is between the values; return where the next one is."""
        octet = piece[at]
        state = self._state
        if state == _SCALAR and octet in b",]}":
            self._state = _NEXT
            return at
        if octet in b"]}" and self._open and state != _END_OF_NAME:
            is_object = octet != 0x5D
            if is_object is not self._open[-1][1] or (is_object and state == _VALUE):
                self._state = _NOTHING
                return at
            self._open.pop()
            self._has_more.pop()
            kept.append(octet)
            if len(self._open) < (self._array or 0):
                self._array = None
            self._state = _NEXT
        elif state == _VALUE:
            self._begin(octet, kept)
        elif state == _SCALAR:
            if self._wanted is not None:
                kept.append(octet)
        elif state == _NAME and octet == _QUOTE:
            self._name = bytearray(b'"')
            self._is_text = True
        elif state == _END_OF_NAME and octet == _COLON:
            self._wanted = self._open[-1][0].get(bytes(self._name[1:-1]))
            self._state = _VALUE
        elif state == _NEXT and octet == _COMMA:
            self._wanted, is_object = self._open[-1]
            self._state = _NAME if is_object else _VALUE
        else:
            self._state = _NOTHING
        return at + 1

    def _begin(self, octet, kept):
        """Begin a value, which is no JSON where no value begins like that."""
        if octet not in _FIRST:
            self._state = _NOTHING
            return
        wanted = self._wanted
        if self._array is not None and len(self._open) == self._array:
            kept = self._item = bytearray()
        elif wanted is not None:
            if self._has_more[-1]:
                kept.append(_COMMA)
            self._has_more[-1] = True
            if self._open and self._open[-1][1]:
                kept.extend(self._name)
                kept.append(_COLON)
        if wanted is not None:
            kept.append(octet)
        is_first = octet == _BRACKET and self._callback is not None and self._array is None
        if octet == _QUOTE:
            self._is_text = True
        elif octet not in b"{[":
            self._state = _SCALAR
        elif wanted is None or not (wanted or is_first):  # nothing or all of it
            self._depth = 1
        elif len(self._open) == _DEEPEST:
            self._state = _NOTHING
        else:
            self._open.append((wanted, octet == _BRACE))
            self._has_more.append(False)
            self._state = _NAME if octet == _BRACE else _VALUE
            if is_first:
                self._array = len(self._open)


def _tree(paths):
    """What is wanted, by the names of members as bytes: {} is all of the value."""
    tree = {}
    for path in sorted(paths, key=len, reverse=True):  # all of a value comes after its parts
        node = tree
        *names, last = path.encode().split(b"/")
        for name in names:
            node = node.setdefault(name, {})
        node[last] = {}
    return tree


def _error(message):
    return TransportError(message, "check the address, or the members that are asked for")
