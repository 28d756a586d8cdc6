"""What tests of the firmware share, on CPython and on a board alike."""

# Whether a test named `test_sweep_...` runs all of its cases or its fixed sample. Read it as
# `support.WHOLE` when the test runs: the runner sets it after the import.
WHOLE = False


def raises(kind, function, *arguments, **named):
    """Call the function, which must raise `kind`, and return the exception."""
    try:
        function(*arguments, **named)
    except kind as error:
        return error
    raise AssertionError("%s was not raised" % kind.__name__)
