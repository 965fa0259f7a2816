"""
A side's PEM files may be gone or not fit together: that side, and no other, is out of reach until they can be used.
"""

import asyncio
from math import inf
from pathlib import Path

import pytest
import trustme

from proxy import sidefiles
from proxy.net.pool import Pool
from proxy.net.resuming import Awaited
from proxy.routing.patience import Patience
from proxy.routing.table import Table
from proxy.sidefiles import SideFiles
from proxy.wire.answer import AnswerParser
from proxy.wire.fields import answer_names
from tests.net.test_pool import Leg
from tests.parts.tls import write_authority, write_pair
from tests.parts.values import SIGNIFICANT, a_table

Said = list[tuple[str, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """
    With a CA, our certificate and its key.
    """
    authority = trustme.CA()
    write_authority(tmp_path, authority)
    write_pair(tmp_path, authority, "us")
    return tmp_path


def a_secure_table(folder: Path) -> Table:
    """
    New is reached over TLS, by files of this folder.
    """
    tls = {"ca": str(folder / "ca.pem"), "certificate": str(folder / "us.pem"), "key": str(folder / "us.key")}
    return a_table(new={"url": "https://127.0.0.1:1", "tls": tls})


def break_pair(folder: Path) -> bytes:
    """
    The key is that of a renewed certificate. Returns the one that fits.
    """
    fits = (folder / "us.key").read_bytes()
    chain = (folder / "us.pem").read_bytes()
    write_pair(folder, trustme.CA(), "us")
    (folder / "us.pem").write_bytes(chain)
    return fits


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("ca.pem", None, "new.tls.ca: {}/ca.pem can't be read (no such file or directory); write the path of"),
        ("ca.pem", b"nothing", "new.tls.ca: {}/ca.pem can't be used (no certificate or crl found); write the path of"),
        ("us.key", None, "new.tls.certificate: {}/us.key can't be read (no such file or directory); put a PEM"),
        ("us.pem", b"nothing", "new.tls.certificate: {0}/us.pem and {0}/us.key can't be used ("),
    ],
)
async def test_what_is_wrong_names_the_key_the_file_and_the_remedy(
    folder: Path, name: str, content: bytes | None, says: str
) -> None:
    """
    A worker that serves refuses the table with it, and says nothing else.
    """
    said: Said = []
    files = SideFiles(lambda *words: said.append(words))
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    refused = await files.read(a_secure_table(folder), is_first=False)

    assert refused is not None
    assert refused.startswith(says.format(folder))
    assert said == []
    assert files.contexts == {}


async def test_a_first_table_is_in_force_without_a_side(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    That is said once, and connections to it fail at once, until the files fit.
    """
    monkeypatch.setattr(sidefiles, "AGAIN", 0.001)
    said: Said = []
    changed = asyncio.Event()

    def tell(*words: str) -> None:
        said.append((words[0], words[1], words[2]))
        changed.set()

    files = SideFiles(tell)
    table = a_secure_table(folder)
    fits = break_pair(folder)
    assert await files.read(table, is_first=True) is None
    assert not files.lacks(table)

    side = table.sides[1]
    context = files.contexts[side]
    assert isinstance(context, Awaited)
    patience = Patience(connect=inf, head=inf, body=inf)
    parser = AnswerParser(answer_names(SIGNIFICANT), 100)
    pool = Pool(side, patience, table.limits, table.timeouts.patient(), parser, 3, 1000.0, context)
    leg = Leg()
    pool.connect(leg)
    assert (await leg.result(), pool.open) == ("certificate", 0)
    why = f"new.tls.certificate: {folder}/us.key is not the key of {folder}/us.pem; put"
    assert pool.detail.startswith(why)
    assert [(event, level) for event, level, _ in said] == [("side_unread", "error")]
    assert said[0][2].startswith(why)

    changed.clear()
    (folder / "us.key").write_bytes(fits)
    async with asyncio.timeout(20):
        await changed.wait()
    assert [event for event, _, _ in said] == ["side_unread", "side_read"]
    assert pool.lacking == ""
    leg = Leg()
    pool.connect(leg)
    # Nobody listens there.
    assert await leg.result() == "refused"


async def test_nobody_looks_for_files_that_no_table_names(folder: Path) -> None:
    """
    Another table has other sides.
    """
    files = SideFiles(lambda *_: None)
    break_pair(folder)
    await files.read(a_secure_table(folder), is_first=True)
    files.forget(a_table())

    assert files.contexts == {}
