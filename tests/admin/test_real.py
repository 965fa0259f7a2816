"""
The admin port of a real Parallax: who gets in, over plaintext and TLS, and what of it is kept.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import trustme

from proxy.admin.calls import CALLS
from tests.parts.matrix import ABSENT, CHANGING, cases
from tests.parts.origin import OK, Origin, always
from tests.parts.parallax import Configuration, Parallax, running, until
from tests.parts.served import DONE, OPERATOR, PATIENCE, TOKENS, VIEWER

KNOWN = [{"name": one.name, "role": one.role, "sha256": one.sha256} for one in TOKENS]


class Asking:
    """
    Somebody with a client for the admin port of a Parallax.
    """

    def __init__(self, parallax: Parallax, session: aiohttp.ClientSession, scheme: str) -> None:
        self.parallax = parallax
        self._session = session
        self._base = f"{scheme}://127.0.0.1:{parallax.admin[1]}"

    async def ask(
        self, method: str, target: str, token: str | None, fields: dict[str, str] | None = None, body: bytes = b""
    ) -> int:
        """
        The status of the answer.
        """
        signed = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self._session.request(
            method, self._base + target, data=body, headers={**(fields or {}), **signed}
        ) as answer:
            assert b"plx_" not in await answer.read()
            return answer.status

    async def read(self, path: str) -> Any:
        """
        What a viewer reads there.
        """
        async with self._session.get(self._base + path, headers={"Authorization": f"Bearer {VIEWER}"}) as answer:
            assert answer.status == 200, path
            return await answer.json()

    async def state(self) -> tuple[Any, ...]:
        """
        All that a change of traffic changes.
        """
        weights = await self.read("/admin/weights")
        return weights["epoch"], weights["new"], weights["mirror"], weights["killed"]

    async def audit(self, *actions: str) -> list[dict[str, Any]]:
        """
        The audit's lines of these actions, oldest first.
        """
        entries = (await self.read("/admin/audit?limit=1000"))["entries"]
        return [entry for entry in reversed(entries) if entry["action"] in actions]


@asynccontextmanager
async def asking(
    configuration: Configuration, folder: Path, *, trusted: ssl.SSLContext | bool = True
) -> AsyncIterator[Asking]:
    """
    A Parallax with two tokens whose store is open, and a client of it.
    """
    async with Origin(always(OK)) as old, Origin(always(OK)) as new:
        sides = {"old": {"url": old.url}, "new": {"url": new.url}}
        async with (
            running({**sides, **configuration}, folder) as parallax,
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(PATIENCE), connector=aiohttp.TCPConnector(ssl=trusted)
            ) as session,
        ):
            somebody = Asking(parallax, session, "http" if trusted is True else "https")

            async def is_open() -> bool:
                return await somebody.ask("GET", "/admin/audit", VIEWER) == 200

            await until(is_open, "the store is open")
            yield somebody


# What there is only once something was found, or planned; tests/rollout has a plan.
LATER = {"waive", "get_plan"}


async def test_nobody_changes_anything_of_a_real_parallax_without_right(tmp_path: Path) -> None:
    """
    State is looked at after each request; the good ones are in the audit under their names, the others too.
    """
    async with asking({"admin": {"tokens": KNOWN}}, tmp_path) as somebody:
        changed = 0
        before = await somebody.state()
        # What is asked by the name of a divergence needs one; `tests/evidence/test_real.py` has some.
        asked = {(call.method, call.path) for call in CALLS if call.name not in LATER and "{id}" not in call.path}
        known = {(method, path) for method, path in CHANGING & asked if path not in ABSENT}
        for case in cases(asked):
            status = await somebody.ask(*case.request())
            after = await somebody.state()

            if case.outcome == "changed" and case.path in ABSENT:
                assert status == 404
                continue
            assert case.fits(status), f"{case}: {status}"
            assert after == before or case.outcome == "changed", case
            changed += case.outcome == "changed"
            before = after
        good = await somebody.audit(*DONE)
        turned = await somebody.audit("refused", "sign_in_failed")

        assert changed == len(good) == len(known)
        assert {(entry["actor"], entry["role"], entry["reason"]) for entry in good} == {("ops", "operator", "matrix")}
        assert {entry["action"] for entry in turned} == {"refused", "sign_in_failed"}


async def test_with_tokens_and_tls_it_may_be_reached_from_other_machines(tmp_path: Path) -> None:
    """
    By address and by configured name, and by no other.
    """
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.private_key_pem.write_to_path(str(tmp_path / "k.pem"))
    for pem in made.cert_chain_pems:
        pem.write_to_path(str(tmp_path / "c.pem"), append=True)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    tls = {"certificate": "c.pem", "key": "k.pem"}
    admin = {"listen": "0.0.0.0:0", "tokens": KNOWN, "tls": tls, "hosts": ["ops.example"]}
    async with asking({"admin": admin}, tmp_path, trusted=trusted) as somebody:
        assert await somebody.ask("GET", "/admin/weights", None) == 401
        assert await somebody.ask("GET", "/admin/weights", VIEWER, {"Host": "ops.example:9900"}) == 200
        assert await somebody.ask("GET", "/admin/weights", VIEWER, {"Host": "other.example"}) == 403
        json = {"Content-Type": "application/json"}
        assert await somebody.ask("POST", "/admin/kill", OPERATOR, json, b'{"reason": "now"}') == 200
        assert (await somebody.state())[3] is True
        # Probes of the supervisor stay plain.
        status, _ = await somebody.parallax.fetch(somebody.parallax.health, b"/readyz")
        assert status == 200
