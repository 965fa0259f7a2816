"""
TLS between a socket and a client's connection: what goes in comes out, and an end is an end.
"""

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from proxy.net.encrypted import RECORD, UNASKED, EncryptedTransport, listener_context
from proxy.routing.table import Encryption
from tests.parts.plane import Later
from tests.parts.tls import Peer, client_context, write_authority, write_pair
from tests.parts.transport import FakeTransport, sockets
from tests.parts.values import CUTS, pieces

AUTHORITY = trustme.CA()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Encryption:
    """
    What a listener has.
    """
    folder = tmp_path_factory.mktemp("pem")
    write_pair(folder, AUTHORITY)
    return Encryption(
        certificate=f"{folder}/server.pem",
        key=f"{folder}/server.key",
        client_ca=None,
        handshakes=9,
        handshake_timeout=9.0,
    )


class Ends:
    """
    A client and a listener, a fake transport apart.
    """

    def __init__(self, raw: FakeTransport, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        self.raw = raw
        self.loop = Later()
        self.secure = EncryptedTransport(raw, server, self.loop.call_later)
        self.peer = Peer(client)

    def shaken(self) -> "Ends":
        """
        After the handshake.
        """
        data = self.peer.hello()
        while not self.secure.shake(data):
            data = self.peer.answer(self.raw.taken())
        self.peer.answer(self.raw.taken())
        return self

    def taken(self) -> bytes:
        """
        What the client makes of what was written.
        """
        return self.peer.reads(self.raw.taken())


@pytest.fixture
def raw() -> Iterator[FakeTransport]:
    """
    The socket's.
    """
    with sockets() as ends:
        yield FakeTransport(asyncio.Protocol(), *ends)


@pytest.fixture
def ends(raw: FakeTransport, files: Encryption) -> Ends:
    """
    After the handshake.
    """
    return Ends(raw, listener_context(files), client_context(AUTHORITY)).shaken()


@given(content=st.binary(min_size=1, max_size=3 * RECORD), cuts=CUTS)
def test_what_goes_in_comes_out_wherever_segments_end(files: Encryption, content: bytes, cuts: list[int]) -> None:
    """
    Both ways, and through the handshake byte by byte.
    """
    with sockets() as pair:
        raw = FakeTransport(asyncio.Protocol(), *pair)
        ends = Ends(raw, listener_context(files), client_context(AUTHORITY))
        hello = ends.peer.hello()
        assert not any(ends.secure.shake(bytes([byte])) for byte in hello)
        assert ends.secure.shake(ends.peer.answer(raw.taken()))
        assert b"".join(map(ends.secure.decrypt, pieces(ends.peer.sends(content), cuts))) == content
        ends.secure.writelines(list(pieces(content, cuts)))
        assert ends.taken() == content


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_only_http_is_spoken_and_nothing_old(ends: Ends, files: Encryption, raw: FakeTransport) -> None:
    """
    ALPN says http/1.1, the protocol is 1.2 at least.
    """
    assert ends.peer.tls.selected_alpn_protocol() == "http/1.1"
    assert ends.peer.tls.version() == "TLSv1.3"
    old = client_context(AUTHORITY)
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match=r"(?i)unsupported_protocol|no_shared"):
        Ends(raw, listener_context(files), old).shaken()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_closing_sends_what_was_written_and_says_so(
    raw: FakeTransport, files: Encryption, version: ssl.TLSVersion
) -> None:
    """
    It waits a little for the client to say the same; twice is once.
    """
    context = client_context(AUTHORITY)
    context.maximum_version = version
    ends = Ends(raw, listener_context(files), context).shaken()
    ends.secure.write(b"bye")
    ends.secure.close()
    ends.secure.close()
    ends.secure.write(b"too late")
    assert ends.secure.is_closing()
    assert ends.taken() == b"bye"
    assert (ends.peer.ended, raw.ended, raw.closed) == (True, True, False)

    ends.secure.discard(ends.peer.sends(b"not heard") + ends.peer.says_end())
    assert raw.closed
    assert not raw.aborted


def test_a_client_that_says_nothing_is_not_waited_for_long(ends: Ends) -> None:
    """
    Nor one that sends garbage.
    """
    ends.secure.close()
    early = ends.raw.closed
    ends.loop.wait()
    assert (early, ends.raw.closed, ends.raw.aborted) == (False, True, False)


def test_garbage_instead_of_an_end_ends_it_at_once(ends: Ends) -> None:
    """
    There is nothing left to be polite about.
    """
    ends.secure.close()
    ends.secure.discard(b"\xff" * 9)

    assert ends.raw.aborted


def test_one_half_can_be_closed(ends: Ends) -> None:
    """
    What the client sends still comes, then its end; and nothing is written any more.
    """
    assert ends.secure.can_write_eof()
    ends.secure.write_eof()
    ends.secure.write(b"too late")

    assert (ends.taken(), ends.peer.ended, ends.raw.ended) == (b"", True, True)
    assert not ends.secure.is_closing()
    assert ends.secure.decrypt(ends.peer.sends(b"still here")) == b"still here"
    assert ends.secure.decrypt(ends.peer.sends(b"!") + ends.peer.says_end()) == b"!"
    assert ends.secure.ended


def test_a_client_may_end_its_half(ends: Ends) -> None:
    """
    It is still answered.
    """
    assert ends.secure.decrypt(ends.peer.sends(b"last words") + ends.peer.says_end()) == b"last words"
    assert ends.secure.ended
    ends.secure.write(b"heard")
    assert ends.taken() == b"heard"
    ends.secure.close()
    assert ends.raw.closed


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x17\x03\x03\x00\x20" + bytes(32), b"\xff" * 9])
def test_what_is_no_record_is_an_error_and_the_client_is_told(ends: Ends, data: bytes) -> None:
    """
    Forged ones too.
    """
    with pytest.raises(ssl.SSLError):
        ends.secure.decrypt(data)

    assert ends.raw.taken()


def test_whoever_makes_us_talk_without_listening_is_cut_off(ends: Ends) -> None:
    """
    What waits for a client that takes nothing has a bound, whatever it sends: here, that it sends as much as it likes
    is simulated by what waits already.
    """
    ends.raw.clog()
    ends.raw.write(bytes(UNASKED + 1))
    with pytest.raises(ssl.SSLError):
        ends.secure.decrypt(b"\xff" * 9)

    assert ends.raw.aborted


def test_flow_control_is_that_of_the_socket(ends: Ends) -> None:
    """
    Ciphertext is a little longer than what is in it.
    """
    ends.secure.set_write_buffer_limits(high=1000, low=10)
    ends.raw.clog()
    ends.secure.write(bytes(900))
    assert 900 < ends.secure.get_write_buffer_size() < 1000
    ends.secure.pause_reading()
    assert not ends.secure.is_reading()
    ends.secure.resume_reading()
    assert ends.secure.is_reading()
    ends.secure.abort()
    assert ends.secure.is_closing()
    assert ends.secure.get_extra_info("peername") == ("192.0.2.7", 1234)


def test_clients_show_a_certificate_where_one_is_wanted(raw: FakeTransport, files: Encryption) -> None:
    """
    Of the authorities that are named, and of none besides.
    """
    folder = Path(files.certificate).parent
    write_authority(folder, AUTHORITY)
    write_pair(folder, AUTHORITY, "mine", "me.test")
    write_pair(folder, trustme.CA(), "other", "me.test")
    write_pair(folder, AUTHORITY, "late", "me.test", expired=True)
    server = listener_context(replace(files, client_ca=f"{folder}/ca.pem"))

    def shown(name: str | None) -> Ends:
        raw.taken()
        return Ends(raw, server, client_context(AUTHORITY, shows=None if name is None else (folder, name))).shaken()

    shown("mine")
    for name, why in ((None, "PEER_DID_NOT_RETURN"), ("other", "VERIFY_FAILED"), ("late", "expired")):
        with pytest.raises(ssl.SSLError, match=why):
            shown(name)


def test_what_the_table_holds_counts_whatever_becomes_of_the_files(files: Encryption, raw: FakeTransport) -> None:
    """
    For a worker that is started later. Texts that don't fit were read between two renewed files, so the files count.
    """
    chain, key = Path(files.certificate).read_text(), Path(files.key).read_text()
    authorities = AUTHORITY.cert_pem.bytes().decode()
    folder = Path(files.certificate).parent
    write_pair(folder, AUTHORITY, "mine", "me.test")
    ours = client_context(AUTHORITY, shows=(folder, "mine"))
    gone = replace(files, certificate="/gone.pem", key="/gone.key", client_ca="/gone-ca.pem", authorities=authorities)
    # Comments may be in any encoding.
    server = listener_context(replace(gone, pair=f"# Schl\xfcssel\n{chain}\n{key}"))
    Ends(raw, server, ours).shaken()
    raw.taken()
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN"):
        Ends(raw, server, client_context(AUTHORITY)).shaken()

    write_pair(folder, AUTHORITY, "other")
    broken = f"{chain}\n{(folder / 'other.key').read_text()}"
    raw.taken()
    Ends(raw, listener_context(replace(files, pair=broken)), client_context(AUTHORITY)).shaken()
    with pytest.raises(OSError, match="No such file"):
        listener_context(replace(gone, pair=broken))
    assert key not in repr(replace(files, pair=key))


@pytest.mark.parametrize("missing", ["certificate", "key", "client_ca"])
def test_files_that_cannot_be_read_are_errors(files: Encryption, missing: str) -> None:
    """
    For who asked for the context.
    """
    raw = {**asdict(files), missing: "/nowhere"}
    with pytest.raises(OSError, match="No such file"):
        listener_context(Encryption(**raw))
