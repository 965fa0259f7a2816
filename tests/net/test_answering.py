"""
Answers are gathered and written whole, in the client's framing.
"""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from proxy.net.answering import JOINED, AnswerWriter
from proxy.wire.forward import CHUNKS, CLOSE, LENGTH, NOTHING
from tests.parts.transport import FakeTransport, sockets
from tests.parts.values import an_answer

HEAD = an_answer(b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\n")
SAID = b"HTTP/1.1 200 OK\r\nX: 1\r\n"


@pytest.fixture
def transport() -> Iterator[FakeTransport]:
    """
    A fresh one.
    """
    with sockets() as ends:
        yield FakeTransport(asyncio.Protocol(), *ends)


@pytest.fixture
def writer(transport: FakeTransport) -> AnswerWriter:
    """
    Writes to the transport.
    """
    return AnswerWriter(transport)


def begin(writer: AnswerWriter, how: int) -> None:
    """
    Say the head.
    """
    writer.head(HEAD, how, close=False, old_client=False, date=b"")


def test_a_whole_answer_is_one_write(writer: AnswerWriter, transport: FakeTransport) -> None:
    """
    Head, content and end: one system call.
    """
    begin(writer, LENGTH)
    writer.data(b"a")
    writer.data(b"b")
    assert transport.writes == 0
    writer.end([])

    assert transport.written == SAID + b"\r\nab"
    assert transport.writes == 1


def test_pieces_are_chunked_for_clients_that_understand_it(writer: AnswerWriter, transport: FakeTransport) -> None:
    """
    With the trailers at the end; the next answer begins without chunks.
    """
    begin(writer, CHUNKS)
    writer.data(b"x" * 16)
    writer.flush()
    writer.end([b"T: 1"])
    begin(writer, NOTHING)
    writer.end([b"T: 1"])

    assert transport.written == (
        SAID + b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + b"x" * 16 + b"\r\n0\r\nT: 1\r\n\r\n" + SAID + b"\r\n"
    )


def test_large_pieces_are_not_copied_together(writer: AnswerWriter, transport: FakeTransport) -> None:
    """
    They go out all the same, in order.
    """
    begin(writer, LENGTH)
    writer.data(b"x" * JOINED)
    writer.data(b"y")
    writer.end([])

    assert transport.written == SAID + b"\r\n" + b"x" * JOINED + b"y"


def test_what_does_not_wait_goes_after_what_was_gathered(writer: AnswerWriter, transport: FakeTransport) -> None:
    """
    Order is kept.
    """
    begin(writer, LENGTH)
    writer.now(b"more")

    assert transport.written == SAID + b"\r\nmore"


def test_half_closing_flushes_first(writer: AnswerWriter, transport: FakeTransport) -> None:
    """
    Nothing may be written afterwards.
    """
    begin(writer, LENGTH)
    writer.half_close()

    assert transport.written == SAID + b"\r\n"
    assert transport.ended


@pytest.mark.parametrize("how", [LENGTH, CHUNKS])
def test_a_broken_answer_ends_before_its_framing_does(how: int, writer: AnswerWriter, transport: FakeTransport) -> None:
    """
    The client sees that something is missing.
    """
    begin(writer, how)
    writer.data(b"a")
    writer.break_off()

    assert transport.closed
    assert not transport.aborted
    assert transport.written.startswith(SAID)
    assert not transport.written.endswith(b"0\r\n\r\n")


def test_without_framing_only_a_reset_can_tell() -> None:
    """
    An ordinary close would look like the end of the content; the kernel is asked for a reset.
    """
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as far:
        near, _ = server.accept()
        with near:
            transport = FakeTransport(asyncio.Protocol(), near, far)
            writer = AnswerWriter(transport)
            begin(writer, CLOSE)
            writer.break_off()
            assert transport.aborted
        with pytest.raises(ConnectionResetError):
            far.recv(100)
