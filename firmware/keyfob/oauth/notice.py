"""What some servers put in front of a reply's JSON: a warning of PHP, a comment."""

from keyfob.compat import const

_LONGEST = const(2_048)  # bytes
_COMMENT = b"<!--"
_COMMENT_END = b"-->"
# What PHP marks a warning with. Any other tag begins a page, and a script in it is no answer.
_TAGS = (b"<br", b"<b>", b"</b")
_BOM = b"\xef\xbb\xbf"


def end(body):
    """Where the JSON object begins that is behind a notice; -1 where `body` is something else.

    That is at the first brace outside of comments. An array or a string has objects within it,
    and they are not the reply.
    """
    at = 3 if body[:3] == _BOM else 0
    if bytes(body[at:_LONGEST]).strip()[:1] in (b"[", b'"'):
        return -1
    while True:
        brace = body.find(b"{", at, _LONGEST)
        tag = body.find(b"<", at, _LONGEST if brace < 0 else brace)
        if tag < 0:
            return brace
        at = tag + 1
        if body[tag : tag + 4] == _COMMENT:
            at = body.find(_COMMENT_END, tag + 4, _LONGEST) + 3
            if at < 3:
                return -1
        elif bytes(body[tag : tag + 3]).lower() not in _TAGS:
            return -1
