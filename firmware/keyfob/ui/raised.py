"""Where in a program an exception came from, for the error that is told of it."""

import sys

import keyfob
from keyfob.errors import ours

_LIBRARIES = ("/lib/", "asyncio/", "<frozen ")  # on a board, built into it, of CPython


def with_place(error):
    """Return the KeyfobError for what a program raised; its message ends with file and line.

    That is the last place in the program's own files. Text of an exception that is not keyfob's
    is left out: it may hold a secret.
    """
    found = ours(error)
    place = _place(error)
    if place and not found.message.endswith(place):
        found.message += place
    return found


def _place(error):
    """The words for it, "" where the exception does not tell."""
    found = ""
    for line in _traceback(error):
        if not line.startswith('  File "'):
            break  # from here on it is the exception's text, which may look like more of them
        words = line.strip().split('"')
        if not _is_library(words[1]):
            number = words[2].split(",")[1].split()[1]
            found = " (%s, line %s)" % (words[1].rpartition("/")[2], number)
    return found


def _traceback(error):
    """The lines of a traceback; on CPython those with file and line alone."""
    if not hasattr(sys, "print_exception"):
        lines = []
        step = error.__traceback__
        while step is not None:
            file = step.tb_frame.f_code.co_filename
            lines.append('  File "%s", line %d, in' % (file, step.tb_lineno))
            step = step.tb_next
        return lines
    import io

    file = io.StringIO()
    sys.print_exception(error, file)
    return file.getvalue().split("\n")[1:]


def _is_library(file):
    folder = keyfob.__path__  # a list on CPython
    if not isinstance(folder, str):
        folder = folder[0]
    if file == "keyfob" or file.startswith("keyfob.") or file.startswith(folder + "/"):
        return True
    return any(part in file for part in _LIBRARIES)
