"""
Upgrades and the tunnels that come of them: items 66 and 67 of docs/http.md.
"""

import pytest

from tests.parts.client import Answer, Client, get
from tests.parts.origin import OK, Received, answer
from tests.parts.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")
CONFIGURATION = {"timeouts": {"tunnel_idle": 1}}

UPGRADE = get(
    b"/chat",
    *(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


async def tunnel(stage: Scene, ahead: bytes = b"", behind: bytes = b"") -> tuple[Client, Received, Answer]:
    """
    A client and old, switched to websocket; `ahead` is sent right behind the request, `behind` right behind the 101.
    """
    client = await stage.client()
    client.send(UPGRADE + ahead)
    received = await stage.old.request()
    received.answer(SWITCHING + behind)
    switched = await client.answer()
    assert switched.status == 101
    return client, received, switched


async def test_a_websocket_upgrade_is_forwarded(stage: Scene) -> None:
    """
    Request and 101 name the protocol, as this hop's own fields (RFC 9110 §7.8). item 66
    """
    _, received, switched = await tunnel(stage)

    assert received.value(b"upgrade") == switched.value(b"upgrade") == b"websocket"
    assert (
        (received.value(b"connection") or b"").lower() == (switched.value(b"connection") or b"").lower() == b"upgrade"
    )
    assert received.value(b"sec-websocket-key") == b"dGhlIHNhbXBsZSBub25jZQ=="
    assert switched.value(b"sec-websocket-accept") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    "lines",
    [
        [b"Upgrade: websocket"],
        [b"Connection: Upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"],
        [b"Connection: Upgrade", b"Upgrade: TLS/1.0"],
        [b"Connection: Upgrade", b"Upgrade: h2c, websocket"],
    ],
    ids=["not in Connection", "h2c", "TLS", "list"],
)
async def test_other_upgrades_are_not_forwarded(stage: Scene, lines: list[bytes]) -> None:
    """
    Without `Connection: upgrade`, or to anything but websocket, the request is an ordinary one (RFC 9110 §7.8). item 66
    """
    received, got = await stage.relay(get(b"/", *lines))

    assert received.value(b"upgrade") is None
    assert received.value(b"connection") is None
    assert got.status == 200


async def test_an_upgrade_from_a_1_0_client_is_ignored(stage: Scene) -> None:
    """
    HTTP/1.0 has no Upgrade (RFC 9110 §7.8). item 66
    """
    received, got = await stage.relay(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")

    assert received.value(b"upgrade") is None
    assert got.status == 200


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (get(), SWITCHING),
        (UPGRADE, SWITCHING.replace(b"websocket", b"h2c")),
        (UPGRADE, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        (get(b"/", b"Upgrade: websocket"), SWITCHING),
    ],
    ids=["unasked", "another", "none named", "asked by halves"],
)
async def test_a_101_that_was_not_asked_for_is_502(stage: Scene, request_: bytes, reply: bytes) -> None:
    """
    Nobody is switched to a protocol that the client did not ask for (RFC 9110 §7.8). item 66
    """
    received, got = await stage.relay(request_, reply + b"bytes of who knows what")

    assert got.status == 502
    assert b"http_upgrade_failed" in (got.value(b"proxy-status") or b"")
    await received.connection.closed()


async def test_a_tunnel_passes_bytes_untouched(stage: Scene) -> None:
    """
    After 101 bytes flow both ways as they are (RFC 9110 §7.8). item 67
    """
    client, received, _ = await tunnel(stage)
    there = bytes(range(256)) * 400
    back = bytes(reversed(range(256))) * 400 + b"HTTP/1.1 200 OK\r\n\r\n"
    client.send(there)
    received.connection.send(back)

    assert await received.connection.source.exactly(len(there)) == there
    assert await client.source.exactly(len(back)) == back


async def test_bytes_around_the_101_belong_to_the_tunnel(stage: Scene) -> None:
    """
    What the client sent ahead of the 101, and the origin right behind it, is not lost (RFC 9110 §7.8). item 67
    """
    client, received, _ = await tunnel(stage, b"\x81\x05ahead", b"\x81\x06behind")

    assert await received.connection.source.exactly(7) == b"\x81\x05ahead"
    assert await client.source.exactly(8) == b"\x81\x06behind"


async def test_half_close_goes_through_from_the_client(stage: Scene) -> None:
    """
    A client that closes its half still gets what the origin has to say (RFC 9110 §7.8). item 67
    """
    client, received, _ = await tunnel(stage)
    client.send(b"bye")
    client.finish()
    heard = await received.connection.source.rest()
    received.connection.send(b"farewell")
    received.connection.finish()

    assert heard == b"bye"
    assert await client.source.rest() == b"farewell"


async def test_half_close_goes_through_from_the_origin(stage: Scene) -> None:
    """
    And the other way round (RFC 9110 §7.8). item 67
    """
    client, received, _ = await tunnel(stage)
    received.connection.send(b"bye")
    received.connection.finish()
    heard = await client.source.rest()
    client.send(b"farewell")
    client.finish()

    assert heard == b"bye"
    assert await received.connection.source.rest() == b"farewell"


async def test_an_idle_tunnel_ends(stage: Scene) -> None:
    """
    A tunnel in which nothing moves for `timeouts.tunnel_idle` is closed on both sides. item 67
    """
    client, received, _ = await tunnel(stage)
    await client.over()

    assert await received.connection.source.rest() == b""


@pytest.mark.parametrize("status", [b"200 OK", b"403 Forbidden", b"426 Upgrade Required"])
async def test_a_refused_upgrade_is_no_tunnel(stage: Scene, status: bytes) -> None:
    """
    When the origin answers otherwise, what the client pipelined is the next request, read as strictly as any
    (RFC 9110 §7.8). item 67
    """
    client = await stage.client()
    client.send(UPGRADE + get(b"/next") + b"GET  /bad HTTP/1.1\r\n\r\n")
    received = await stage.old.request()
    received.answer(answer(b"no", status=status))
    refused = await client.answer()
    following = await stage.old.request()
    following.answer(OK)

    assert refused.status == int(status[:3])
    assert following.target == b"/next"
    assert (await client.answer()).status == 200
    assert (await client.answer()).status == 400


async def test_an_upgrade_is_not_copied(stage: Scene) -> None:
    """
    A tunnel goes to the live side only (RFC 9110 §7.8). item 67
    """
    await tunnel(stage)
    await stage.canary()
    copy = await stage.new.request()

    assert copy.target == b"/canary"
