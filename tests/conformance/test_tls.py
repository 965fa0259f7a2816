"""
TLS towards clients, from outside: who gets in, what they get, and what is said of who doesn't.
"""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from tests.parts.client import Client, get
from tests.parts.origin import OK
from tests.parts.scene import scene
from tests.parts.tls import NAME, client_context, write_pair

pytestmark = [pytest.mark.timeout(60)]


async def connected(where: tuple[str, int], trusted: ssl.SSLContext, name: str = NAME) -> Client:
    """
    A client that has shaken hands.
    """
    async with asyncio.timeout(20):
        return Client(*await asyncio.open_connection(*where, ssl=trusted, server_hostname=name))


async def test_clients_speak_tls(tmp_path: Path) -> None:
    """
    And the sides are told so.
    """
    authority = trustme.CA()
    write_pair(tmp_path, authority)
    async with scene({"tls": {"certificate": "server.pem", "key": "server.key"}}, tmp_path) as stage:
        client = await connected(stage.parallax.address, client_context(authority))
        for _ in range(3):
            client.send(get())
            received = await stage.old.request()
            received.answer(OK)
            answer = await client.answer()
            assert answer.status == 200
            assert received.value(b"x-forwarded-proto") == b"https"
        client.close()
