"""
What the admin port is equipped with: tokens, names, a certificate; and what becomes of it when the disk is against it.
"""

from pathlib import Path
from typing import Any

import pytest
import trustme

from proxy.admin.facts import Facts
from proxy.admin.gate import Access
from proxy.admin.port import AdminPort
from proxy.admin.token import held, kept_token
from proxy.equipment import CERTIFICATE, CERTIFICATE_LOOKS, TOKEN_LOOKS, Equipment
from proxy.errors import ConfigurationError
from proxy.link.setup import Certificate
from tests.parts.served import TOKENS, MemoryEvidence, MemorySteering
from tests.parts.steered import a_setup


class Equipped:
    """
    A port with its equipment, and what was told.
    """

    def __init__(self) -> None:
        self.told: list[str] = []
        facts, steering = Facts({}), MemorySteering()
        self.port = AdminPort(facts, steering, MemoryEvidence(facts, steering), Access(tokens=()), start=0)
        self.equipment = Equipment(self.port, self._tell)

    def _tell(self, level: str, event: str, /, **fields: Any) -> None:
        self.told.append(event)

    @property
    def access(self) -> Access:
        """
        Who may ask now.
        """
        return self.port.gate.access

    async def look(self, times: int) -> None:
        """
        So many seconds later.
        """
        for _ in range(times):
            await self.equipment.look()


def a_certificate(folder: Path) -> Certificate:
    """
    Two files in `folder`.
    """
    made = trustme.CA().issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(str(folder / "c.pem"))
    made.private_key_pem.write_to_path(str(folder / "k.pem"))
    return Certificate(certificate=str(folder / "c.pem"), key=str(folder / "k.pem"))


async def test_configured_tokens_are_the_ones_that_count(tmp_path: Path) -> None:
    """
    None is made then; names come along.
    """
    equipped = Equipped()
    await equipped.equipment.equip(a_setup(tmp_path, tokens=TOKENS, hosts=("ops",)))

    assert equipped.access == Access(tokens=TOKENS, hosts=("ops",), encrypted=False)
    assert not (tmp_path / "admin-token").exists()


async def test_where_none_is_configured_one_is_made_and_stays(tmp_path: Path) -> None:
    """
    For its owner alone, the same at every start.
    """
    first, second = Equipped(), Equipped()
    await first.equipment.equip(a_setup(tmp_path))
    await second.equipment.equip(a_setup(tmp_path))
    file = tmp_path / "admin-token"

    assert first.access == second.access
    assert first.access.tokens == (held(kept_token(file), name="local", role="operator"),)
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_token_that_cannot_be_made_lets_nobody_in_until_it_can(tmp_path: Path) -> None:
    """
    Said loudly, and tried again.
    """
    equipped, state = Equipped(), tmp_path / "state"
    await equipped.equipment.equip(a_setup(tmp_path, state=str(state)))
    assert not equipped.access.tokens
    assert equipped.told == ["nobody_can_sign_in"]
    await equipped.look(TOKEN_LOOKS)
    assert equipped.told == ["nobody_can_sign_in"] * 2
    state.mkdir()
    await equipped.look(TOKEN_LOOKS)

    (token,) = equipped.access.tokens
    assert token.name == "local"
    assert len(equipped.told) == 2


async def test_a_token_that_others_can_read_is_none(tmp_path: Path) -> None:
    """
    Who could have read it is unknown.
    """
    kept_token(tmp_path / "admin-token")
    (tmp_path / "admin-token").chmod(0o644)
    equipped = Equipped()
    await equipped.equipment.equip(a_setup(tmp_path))

    assert equipped.access.tokens == ()
    assert equipped.told == ["nobody_can_sign_in"]


async def test_a_reload_takes_other_tokens_and_another_certificate(tmp_path: Path) -> None:
    """
    Both or, when the certificate can't be used, neither.
    """
    equipped = Equipped()
    files = a_certificate(tmp_path)
    await equipped.equipment.equip(a_setup(tmp_path, tokens=TOKENS, tls=files))
    encryption = equipped.equipment.encryption
    assert encryption is not None
    before = encryption.context
    assert equipped.access.encrypted

    gone = Certificate(certificate=files.certificate, key=str(tmp_path / "gone"))
    with pytest.raises(ConfigurationError):
        await equipped.equipment.equip(a_setup(tmp_path, tokens=TOKENS[:1], tls=gone))
    assert equipped.access.tokens == TOKENS
    assert encryption.context is before

    (tmp_path / "other").mkdir()
    other = a_certificate(tmp_path / "other")
    await equipped.equipment.equip(a_setup(tmp_path, tokens=TOKENS[:1], tls=other))
    assert equipped.access == Access(tokens=TOKENS[:1], hosts=(), encrypted=True)
    assert encryption.context is not before


async def test_a_certificate_that_cannot_be_used_is_no_reason_for_plaintext(tmp_path: Path) -> None:
    """
    Nothing is equipped then.
    """
    equipped = Equipped()
    with pytest.raises(ConfigurationError, match=r"admin\.tls"):
        await equipped.equipment.equip(a_setup(tmp_path, tokens=TOKENS, tls=Certificate(certificate="a", key="b")))

    assert equipped.access.tokens == ()
    assert equipped.equipment.encryption is None


async def test_a_renewed_certificate_is_taken_within_a_minute(tmp_path: Path) -> None:
    """
    Without a reload; a broken one is told once and changes nothing.
    """
    equipped = Equipped()
    await equipped.equipment.equip(a_setup(tmp_path, tokens=TOKENS, tls=a_certificate(tmp_path)))
    await equipped.look(CERTIFICATE_LOOKS)
    assert equipped.told == []
    first = shown(tmp_path)
    assert first == (tmp_path / "c.pem").read_bytes()
    a_certificate(tmp_path)
    assert shown(tmp_path) == first, "commands must know the one that the port shows"
    await equipped.look(CERTIFICATE_LOOKS)
    assert equipped.told == ["certificate_renewed"]
    assert shown(tmp_path) == (tmp_path / "c.pem").read_bytes() != first
    (tmp_path / "k.pem").write_text("")
    await equipped.look(CERTIFICATE_LOOKS * 2)

    assert equipped.told == ["certificate_renewed", "certificate_refused"]


def shown(state: Path) -> bytes:
    """
    The certificate that commands are told of.
    """
    return (state / CERTIFICATE).read_bytes()


async def test_a_certificate_that_cannot_be_laid_down_is_used_all_the_same(tmp_path: Path) -> None:
    """
    Commands know its file then.
    """
    equipped = Equipped()
    (tmp_path / CERTIFICATE).mkdir()
    await equipped.equipment.equip(a_setup(tmp_path, tokens=TOKENS, tls=a_certificate(tmp_path)))

    assert equipped.access.encrypted
    assert equipped.told == []
