"""What a platform's exception means: above all, a handshake that ran out of memory."""

import ssl
import sys

from keyfob.net.platform_errors import room, translate

NOT_SIGNED = "\nThe certificate is not correctly signed by the trusted CA\n"


class Chip:
    """Stands in for `esp32` inside a `with`: bytes free, and at the lowest since the start."""

    HEAP_DATA = 4

    def __init__(self, free, lowest):
        self._regions = [
            (7288, 0, 0, 0),
            (100_000, free - 500, 30_000, lowest),
            (900, 500, 400, 0),
        ]

    def idf_heap_info(self, capabilities):
        assert capabilities == self.HEAP_DATA
        return self._regions

    def __enter__(self):
        self._before = sys.modules.get("esp32")
        sys.modules["esp32"] = self

    def __exit__(self, *_):
        del sys.modules["esp32"]
        if self._before is not None:
            sys.modules["esp32"] = self._before


def refusal():
    """What a certificate that cannot be verified raises here."""
    return getattr(ssl, "CertificateError", ValueError)(NOT_SIGNED)


def test_a_handshake_that_ran_out_of_memory_is_told_as_that():
    for free, lowest in ((38_400, 1_100), (38_300, 400), (35_480, 780), (10_000, 116)):
        with Chip(free, lowest):
            error = translate(refusal(), "as.example")
        assert error.kind == "memory"
        assert "as.example" in error.message
        assert "%d KB are free" % (free // 1000) in error.message
        assert "may want 44 KB" in error.message
        assert "RAM" in error.hint


def test_with_memory_left_a_refusal_is_about_the_certificate():
    for free, lowest in ((93_000, 54_000), (38_000, 6_700), (93_000, 400)):
        with Chip(free, lowest):
            error = translate(refusal(), "as.example")
        assert error.kind == "tls"
        assert error.message == (
            "as.example is not trusted: The certificate is not correctly signed by the trusted CA"
        )


def test_memory_that_is_back_by_now_was_not_there_for_the_attempt():
    with Chip(72_000, 400):
        assert translate(refusal(), "as.example", 36_000).kind == "memory"
        assert "36 KB are free" in translate(refusal(), "as.example", 36_000).message
        assert translate(refusal(), "as.example", 72_000).kind == "tls"
        assert room() == 72_000


def test_a_platform_that_cannot_tell_has_memory():
    assert room() is None
    assert translate(refusal(), "as.example").kind == "tls"


def test_numbers_that_mean_memory_have_the_figures_too():
    for error in (OSError(12), OSError(-17040, "RSA_PUBLIC_FAILED+MPI_ALLOC_FAILED")):
        assert translate(error, "as.example").kind == "memory"
        with Chip(38_000, 700):
            assert "38 KB are free" in translate(error, "as.example").message


def test_a_server_that_hung_up_while_something_was_sent_has_closed_the_connection():
    error = translate(OSError(32), "as.example")  # of MicroPython, which has no name for EPIPE
    assert error.message == "no connection to as.example: it closed the connection"
    assert error.kind == "network"


def test_an_exhausted_chip_changes_no_other_error():
    with Chip(38_000, 400):
        assert translate(OSError(-29312), "as.example").kind == "network"
        assert translate(OSError(104, "ECONNRESET"), "as.example").kind == "network"
        assert "name is not known" in translate(OSError(-202), "as.example").message
