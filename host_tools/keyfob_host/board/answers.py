"""What the programs of on_board/ answer, as shapes: a board may answer anything."""

from keyfob_host import shapes

_SAYS = shapes.maybe(shapes.text)
_BYTES = shapes.whole(0, 2**40)
_RAM = shapes.whole(0, 2**32)

# By the program's name.
ANSWERS: dict[str, shapes.Shape] = {
    "facts": shapes.record(
        {
            "name": shapes.text,
            "version": shapes.each(shapes.whole(0, 9999)),
            "mpy": shapes.whole(0, 2**32),
            "machine": shapes.text,
            "size": _BYTES,
            "free": _BYTES,
            "block": _BYTES,
            "keyfob": _SAYS,
            "configured": shapes.flag,
        }
    ),
    "files": shapes.maybe(shapes.whole(-(2**31), 2**31)),
    "glance": shapes.record(
        {
            "machine": shapes.text,
            "micropython": shapes.text,
            "board": _SAYS,
            "keyfob": _SAYS,
            "linked": shapes.flag,
        }
    ),
    "hardware": shapes.row(shapes.one_of("passed", "skipped", "failed"), shapes.text, _SAYS),
    "provider": shapes.maybe(shapes.row(shapes.text, shapes.text, shapes.text, _SAYS, _SAYS)),
    "status": shapes.record(
        {
            "linked": shapes.flag,
            "account": _SAYS,
            "scope": _SAYS,
            "provider": _SAYS,
            "board": _SAYS,
        },
        {
            "trouble": shapes.row(shapes.text, shapes.text),
            "end": shapes.one_of("ended", "run_out"),
        },
    ),
    "steps": shapes.row(
        shapes.each(
            shapes.row(
                shapes.text,
                shapes.whole(0, 2**31),
                _RAM,
                _RAM,
                shapes.maybe(_RAM),
                shapes.maybe(_RAM),
            )
        ),
        shapes.maybe(shapes.row(shapes.text, shapes.text, _SAYS)),
    ),
    "wifi": shapes.maybe(shapes.row(shapes.each(shapes.text), shapes.each(shapes.text))),
}
