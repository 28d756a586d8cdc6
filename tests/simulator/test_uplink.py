"""The uplink of a virtual board: what passes, what a refusal looks like, and what silence does."""

import contextlib
import gc
import os
import socket
import threading
import time

import pytest

from keyfob_sim.hardware.chip_memory import AT_BOOT, SOCKET, ChipMemory
from keyfob_sim.hardware.uplink import REFUSED, SILENT, LookupFailed, Uplink

PATIENCE = 10  # s until a test gives up
HUSH = 0.15  # s in which something would have arrived


@pytest.fixture
def uplink():
    with contextlib.closing(Uplink()) as uplink:
        yield uplink


class Server:
    """A TCP server of which a test takes each connection by hand."""

    def __init__(self, family=socket.AF_INET, host="127.0.0.1"):
        self.listener = socket.create_server((host, 0), family=family)
        self.listener.settimeout(PATIENCE)
        self.port = self.listener.getsockname()[1]
        self.taken = []

    def take(self):
        connection, _ = self.listener.accept()
        connection.settimeout(PATIENCE)
        self.taken.append(connection)
        return connection

    def is_alone(self):
        """Whether nobody comes for a while."""
        self.listener.settimeout(HUSH)
        try:
            self.take()
        except TimeoutError:
            return True
        finally:
            self.listener.settimeout(PATIENCE)
        return False

    def close(self):
        for end in [self.listener, *self.taken]:
            end.close()


@pytest.fixture
def server():
    with contextlib.closing(Server()) as server:
        yield server


@pytest.fixture
def dial(uplink):
    """Connect as the board does."""
    opened = []

    def dial(port, host="127.0.0.1"):
        opened.append(socket.create_connection(uplink.resolve(host, port), PATIENCE))
        return opened[-1]

    yield dial
    for end in opened:
        end.close()


def read_all(end):
    return b"".join(iter(lambda: end.recv(65536), b""))


def fill(end):
    """Send until nobody takes any more; return how many bytes went."""
    end.settimeout(HUSH)
    sent = 0
    try:
        while sent < 1_000_000_000:
            sent += end.send(bytes(65536))
    except TimeoutError:
        return sent
    finally:
        end.settimeout(PATIENCE)
    raise AssertionError("somebody takes everything")


def drain(end):
    """Read until nothing comes; return how many bytes did."""
    end.settimeout(HUSH)
    got = 0
    try:
        while data := end.recv(65536):
            got += len(data)
    except TimeoutError:
        return got
    raise AssertionError("the end came")


def hears_nothing(end):
    """Whether no byte, end or reset comes for a while."""
    end.settimeout(HUSH)
    try:
        end.recv(1)
    except TimeoutError:
        return True
    finally:
        end.settimeout(PATIENCE)
    return False


def is_reset(end):
    with pytest.raises(ConnectionResetError):
        end.recv(1)
    return True


# Passing


def test_what_one_side_sends_the_other_gets(server, dial):
    board, peer = dial(server.port), server.take()
    board.sendall(b"request")
    assert peer.recv(100) == b"request"
    peer.sendall(b"reply")
    assert board.recv(100) == b"reply"


def test_large_transfers_pass_both_ways_byte_for_byte(server, dial):
    there, back = os.urandom(5_000_000), os.urandom(5_000_000)
    board, peer = dial(server.port), server.take()

    def send(end, data):
        end.sendall(data)
        end.shutdown(socket.SHUT_WR)

    senders = [
        threading.Thread(target=send, args=(board, there)),
        threading.Thread(target=send, args=(peer, back)),
    ]
    got = []
    reader = threading.Thread(target=lambda: got.append(read_all(board)))
    for thread in [*senders, reader]:
        thread.start()
    assert read_all(peer) == there
    for thread in [*senders, reader]:
        thread.join(PATIENCE)
    assert got == [back]


def test_a_reader_that_is_slow_slows_the_sender(server, dial):
    board, peer = dial(server.port), server.take()
    sent = fill(board)
    board.shutdown(socket.SHUT_WR)
    assert len(read_all(peer)) == sent


def test_half_a_close_leaves_the_other_half_open(server, dial):
    board, peer = dial(server.port), server.take()
    board.sendall(b"all I have to say")
    board.shutdown(socket.SHUT_WR)
    assert read_all(peer) == b"all I have to say"
    peer.sendall(b"still here")
    assert board.recv(100) == b"still here"
    peer.close()
    assert board.recv(1) == b""


def test_the_board_sees_the_end_when_the_server_closes(server, dial):
    board, peer = dial(server.port), server.take()
    peer.sendall(b"bye")
    peer.close()
    assert read_all(board) == b"bye"


def test_a_reset_passes(server, dial):
    board, peer = dial(server.port), server.take()
    board.sendall(b"unread")
    peer.recv(1)
    peer.close()  # with bytes unread: a reset
    assert is_reset(board)


def test_connections_are_apart(server, dial):
    boards = [dial(server.port) for _ in range(20)]
    for number, board in enumerate(boards):
        board.sendall(bytes([number]))
    seen = sorted(server.take().recv(1)[0] for _ in boards)
    assert seen == list(range(20))


def test_a_server_that_refuses_resets(uplink, dial):
    with contextlib.closing(Server()) as server:
        port = server.port
    with pytest.raises(ConnectionResetError):
        dial(port).recv(1)


def test_a_target_has_one_address_and_each_target_its_own(uplink, server):
    one = uplink.resolve("127.0.0.1", server.port)
    assert one[0] == "127.0.0.1"
    assert one == uplink.resolve("127.0.0.1", server.port)
    assert one != uplink.resolve("127.0.0.1", server.port + 1)
    assert one[1] != server.port


def test_names_are_looked_up(server, dial):
    dial(server.port, "localhost").sendall(b"x")
    assert server.take().recv(1) == b"x"


def test_ipv6_servers_are_reached(dial):
    try:
        server = Server(socket.AF_INET6, "::1")
    except OSError:
        pytest.skip("this host has no IPv6")
    with contextlib.closing(server):
        dial(server.port, "::1").sendall(b"x")
        assert server.take().recv(1) == b"x"


def test_a_name_has_each_of_its_addresses_ipv4_first(uplink, monkeypatch):
    def found(host, port, type):
        return [
            (socket.AF_INET6, type, 6, "", ("::1", port, 0, 0)),
            (socket.AF_INET, type, 6, "", ("127.0.0.1", port)),
        ]

    with contextlib.closing(Server()) as server:
        monkeypatch.setattr(socket, "getaddrinfo", found)
        addresses = uplink.addresses("as.example", server.port)
        monkeypatch.undo()
        assert len(set(addresses)) == 2
        assert {host for host, _ in addresses} == {"127.0.0.1"}
        with socket.create_connection(addresses[0], PATIENCE):
            server.take()
        with (
            contextlib.suppress(ConnectionResetError),  # it may come as soon as this
            socket.create_connection(addresses[1], PATIENCE) as second,
        ):
            is_reset(second)  # nobody listens there
        assert uplink.addresses(*addresses[0]) == addresses[:1]


def test_a_name_can_be_given_addresses(uplink, server):
    uplink.names["as.example"] = [REFUSED, SILENT, "127.0.0.1"]
    refused, silent, there = found = uplink.addresses("as.example", server.port)
    assert [uplink.addresses(*one) for one in found] == [[one] for one in found]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(refused, PATIENCE)
    with pytest.raises(TimeoutError):
        socket.create_connection(silent, HUSH)
    with socket.create_connection(there, PATIENCE):
        server.take()
    uplink.dns = False
    with pytest.raises(LookupFailed):
        uplink.addresses("as.example", server.port)


def test_latency_holds_what_passes(server):
    with contextlib.closing(Uplink(latency=0.1)) as uplink:
        address = uplink.resolve("127.0.0.1", server.port)
        with socket.create_connection(address, PATIENCE) as board:
            peer = server.take()
            start = time.monotonic()
            board.sendall(b"ping")
            peer.sendall(peer.recv(4))
            assert board.recv(4) == b"ping"
            assert 0.18 < time.monotonic() - start < PATIENCE


# Names


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64])
def test_an_unknown_name_is_not_found(uplink, host):
    with pytest.raises(LookupFailed):
        uplink.resolve(host, 80)


def test_without_dns_only_addresses_are_found(uplink, server):
    uplink.dns = False
    with pytest.raises(LookupFailed):
        uplink.resolve("localhost", server.port)
    assert uplink.resolve("127.0.0.1", server.port)
    uplink.dns = True
    assert uplink.resolve("localhost", server.port)


# Silence


def test_in_silence_nothing_passes_either_way(uplink, server, dial):
    board, peer = dial(server.port), server.take()
    assert not uplink.is_silent
    uplink.cut()
    assert uplink.is_silent
    board.sendall(b"request")
    peer.sendall(b"reply")
    assert hears_nothing(board)
    assert hears_nothing(peer)


def test_in_silence_nobody_hears_that_the_other_has_gone(uplink, server, dial):
    one, peer_of_one = dial(server.port), server.take()
    other, peer_of_other = dial(server.port), server.take()
    uplink.cut()
    peer_of_one.close()
    other.close()
    assert hears_nothing(one)
    assert hears_nothing(peer_of_other)


def test_in_silence_a_transfer_stops_in_its_midst(uplink, server, dial):
    board, peer = dial(server.port), server.take()
    sent = fill(board)
    uplink.cut()
    assert 0 < drain(peer) < sent


def test_what_connects_in_silence_hangs_and_never_reaches_the_server(uplink, server, dial):
    uplink.cut()
    board = dial(server.port)
    board.sendall(b"a token that would be spent")
    assert hears_nothing(board)
    uplink.restore()
    assert is_reset(board)
    assert server.is_alone()


def test_what_connects_at_the_end_of_silence_is_reset_too(uplink, server, dial):
    for _ in range(20):
        uplink.cut()
        board = dial(server.port)
        uplink.restore()
        assert is_reset(board)
    assert server.is_alone()


def test_restoring_what_was_not_cut_changes_nothing(uplink, server, dial):
    board, peer = dial(server.port), server.take()
    uplink.restore()
    board.sendall(b"x")
    assert peer.recv(1) == b"x"


def test_after_silence_old_connections_are_reset_and_new_ones_pass(uplink, server, dial):
    board, peer = dial(server.port), server.take()
    uplink.cut()
    uplink.restore()
    assert not uplink.is_silent
    assert is_reset(board)
    assert is_reset(peer)
    board, peer = dial(server.port), server.take()
    board.sendall(b"again")
    assert peer.recv(5) == b"again"


def test_silence_can_be_had_again_and_again(uplink, server, dial):
    for _ in range(3):
        board, peer = dial(server.port), server.take()
        uplink.cut()
        uplink.cut()
        board.sendall(b"x")
        assert hears_nothing(peer)
        uplink.restore()
        uplink.restore()
        assert is_reset(board)


def test_in_silence_no_name_is_found(uplink, server):
    uplink.cut()
    with pytest.raises(LookupFailed):
        uplink.resolve("localhost", server.port)
    uplink.restore()
    assert uplink.resolve("localhost", server.port)


# The end


def test_closing_resets_everything_and_ends_the_thread(server):
    before = threading.active_count()
    uplink = Uplink()
    address = uplink.resolve("127.0.0.1", server.port)
    boards = [socket.create_connection(address, PATIENCE)]
    peer = server.take()
    uplink.cut()
    boards.append(socket.create_connection(address, PATIENCE))
    uplink.restore()
    boards.append(socket.create_connection(address, PATIENCE))
    server.take()
    uplink.close()
    uplink.close()
    assert threading.active_count() == before
    for end in [*boards, peer]:
        assert is_reset(end)
        end.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, PATIENCE)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files in /proc")
def test_connections_that_have_ended_leave_no_socket(uplink, server, dial):
    def count():
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    uplink.resolve("127.0.0.1", server.port)
    before = count()
    for how in ("closed", "reset", "cut") * 5:
        board, peer = dial(server.port), server.take()
        if how == "reset":
            board.sendall(b"unread")
            assert peer.recv(1)
        if how == "cut":
            uplink.cut()
            uplink.restore()
        else:
            peer.close()
            with contextlib.suppress(ConnectionResetError):
                board.recv(1)
        board.close()
        peer.close()
    deadline = time.monotonic() + PATIENCE
    while count() > before and time.monotonic() < deadline:
        uplink.resolve("127.0.0.1", server.port)  # which takes a turn of the loop
    assert count() == before


# The RAM that connections take


@pytest.fixture
def memory(uplink):
    """The memory of a chip; what its connections take of it is all there is to see."""
    uplink.memory = ChipMemory(57_344)
    return uplink.memory


def taken(uplink, memory):
    uplink.settle()
    return AT_BOOT - memory.free


def test_a_connection_takes_ram_until_the_board_closes_it(uplink, memory, server, dial):
    first, second = dial(server.port), dial(server.port)
    ends = [server.take(), server.take()]
    assert taken(uplink, memory) == 2 * SOCKET
    first.sendall(b"the last words")
    first.close()
    assert taken(uplink, memory) == SOCKET
    second.close()
    assert taken(uplink, memory) == 0
    for end in ends:
        read_all(end)
    assert taken(uplink, memory) == 0


def test_one_whose_certificate_the_board_refuses_takes_none(uplink, memory, server, dial):
    board = dial(server.port)
    end = server.take()
    board.sendall(b"\x15\x03\x03\x00\x02\x01\x00")  # a warning
    assert taken(uplink, memory) == SOCKET
    board.sendall(b"\x15\x03\x03\x00\x02\x02\x2a")  # bad_certificate, fatal
    assert taken(uplink, memory) == 0
    board.close()
    assert read_all(end)[-1:] == b"\x2a"


def test_one_that_hangs_takes_it_too(uplink, memory, server, dial):
    board, other = dial(server.port), dial(server.port)
    server.take(), server.take()
    uplink.cut()
    assert taken(uplink, memory) == 2 * SOCKET
    board.sendall(b"nobody hears this")
    assert taken(uplink, memory) == 2 * SOCKET
    board.close()
    assert taken(uplink, memory) == SOCKET
    uplink.restore()
    assert taken(uplink, memory) == 0
    other.close()


def test_a_server_that_takes_nothing_does_not_stop_the_board(uplink, memory, server, dial):
    board = dial(server.port)
    server.take()
    fill(board)
    assert taken(uplink, memory) == SOCKET
