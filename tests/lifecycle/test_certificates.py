"""
Certificates are renewed while clients come and go: nothing is lost, also at the end.
"""

import asyncio
import hashlib
import os
import ssl
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest
import trustme

from proxy.tasks import spawn
from tests.lifecycle.test_drain import Tally, keeper, one_shot
from tests.parts.client import get
from tests.parts.origin import OK, always
from tests.parts.parallax import Parallax, until
from tests.parts.scene import scene
from tests.parts.tls import client_context, write_authority, write_pair

pytestmark = pytest.mark.timeout(120)

WORKERS, KEEPERS, ONE_SHOTS = 2, 10, 4
# Handshakes in a row that show the same: with two workers, one that lags would be among them 255 times in 256.
IN_A_ROW = 8


async def shown(parallax: Parallax, trusted: ssl.SSLContext) -> str:
    """
    The SHA-256 of the certificate that a new client sees.
    """
    client = await parallax.client(trusted=trusted)
    seen = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    client.close()
    return hashlib.sha256(seen).hexdigest()


def held(folder: Path) -> str:
    """
    The same of the file.
    """
    first = (folder / "server.pem").read_text().partition("-----END CERTIFICATE-----")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first[0] + first[1])).hexdigest()


@pytest.mark.parametrize("times", [0, pytest.param(20, marks=pytest.mark.prove)])
async def test_certificates_are_renewed_under_load_and_nobody_is_lost(tmp_path: Path, times: int) -> None:
    """
    So many times a whole pair, then one file after the other with a time between them that is long enough to be seen,
    and then SIGTERM: every request on an accepted connection is answered.
    """
    authority, tally = trustme.CA(), Tally()
    write_pair(tmp_path, authority)
    trusted = client_context(authority)
    tls = {"tls": {"certificate": "server.pem", "key": "server.key"}, "workers": WORKERS, "drain": {"delay": 1}}
    async with scene(tls, tmp_path) as stage:
        parallax = stage.parallax
        parallax.forgiven.add("reload_refused")
        stage.old.script = always(OK)
        clients = [spawn(keeper(parallax, tally, number, trusted), name="keeper") for number in range(KEEPERS)]
        clients += [spawn(one_shot(parallax, tally, number, trusted), name="one-shot") for number in range(ONE_SHOTS)]

        async def taken() -> bool:
            return {await shown(parallax, trusted) for _ in range(IN_A_ROW)} == {held(tmp_path)}

        await until(taken, "the first certificate is shown")
        for _ in range(times):
            write_pair(tmp_path, authority)
            await until(taken, "the renewed certificate is shown by both workers")
        key = (tmp_path / "server.key").read_bytes()
        before = held(tmp_path)
        write_pair(tmp_path, authority)
        renewed = (tmp_path / "server.key").read_bytes()
        (tmp_path / "server.key").write_bytes(key)

        async def refused() -> bool:
            return any("is not the key of" in str(line) for line in parallax.events("reload_refused"))

        await until(refused, "two files that don't fit are refused")
        assert await shown(parallax, trusted) == before
        (tmp_path / "server.key").write_bytes(renewed)
        await until(taken, "what fits again is shown")

        answered = tally.answered
        parallax.signal(SIGTERM)
        code = await parallax.exited()
        await asyncio.gather(*clients)

    assert tally.lost == []
    assert tally.answered - answered > 20, "new requests were served during the delay"
    assert tally.said_close >= KEEPERS
    assert tally.refused == KEEPERS + ONE_SHOTS
    assert code == 0


async def test_a_worker_that_is_started_between_two_renewed_files_answers_for_old(tmp_path: Path) -> None:
    """
    Whatever becomes of new's files and of those that clients are shown. New is back once its files fit. The key that is
    in force meanwhile is let out nowhere.
    """
    authority = trustme.CA()
    write_authority(tmp_path, authority)
    write_pair(tmp_path, authority, "us")
    write_pair(tmp_path, authority)
    trusted = client_context(authority)
    ours = {"certificate": "server.pem", "key": "server.key"}
    theirs = {"ca": "ca.pem", "certificate": "us.pem", "key": "us.key"}
    new = {"url": "https://127.0.0.1:1", "tls": theirs}
    async with scene({"tls": ours, "new": new}, tmp_path) as stage:
        parallax = stage.parallax
        parallax.forgiven |= {"reload_refused", "side_unread", "child_ended"}
        stage.old.script = always(OK)
        fits = (tmp_path / "us.pem").read_bytes()
        (tmp_path / "us.pem").unlink()
        before = held(tmp_path)
        secret = (tmp_path / "server.key").read_text().splitlines()[1]
        (tmp_path / "server.key").unlink()
        os.kill(parallax.workers()[0], SIGKILL)

        async def told() -> bool:
            return bool(parallax.events("side_unread"))

        await until(told, "the files of new are missed")
        client = await parallax.client(trusted=trusted)
        assert (await client.ask(get())).status == 200
        client.close()
        assert await shown(parallax, trusted) == before
        (said,) = parallax.events("side_unread")
        assert said["error"].startswith(f"new.tls.certificate: {tmp_path}/us.pem can't be read")
        (tmp_path / "us.pem").write_bytes(fits)

        async def back() -> bool:
            return bool(parallax.events("side_read"))

        await until(back, "they are read again")
        assert parallax.events("table_refused") == []
        state = tmp_path / "var"
        assert (state / "table.json").stat().st_mode & 0o777 == 0o600
        having = [path.name for path in state.iterdir() if path.is_file() and secret.encode() in path.read_bytes()]
        assert having == ["table.json"]
        sign_in = await parallax.signed_in()
        answers = [await parallax.fetch(parallax.admin, path, sign_in) for path in (b"/admin/weights", b"/metrics")]
        assert secret not in f"{parallax.log}{answers}"
