"""
When a side fails, the worker has it logged: which, in which role, why and how often; and that copies are held back.
"""

from pathlib import Path

from tests.parts.alone import alone
from tests.parts.client import get
from tests.parts.origin import OK, Origin, always
from tests.parts.parallax import until


async def test_a_refusing_new_side_is_told_with_its_cause(tmp_path: Path) -> None:
    """
    `side_failing` names the URL, the cause and what the system said; then the breaker opens, and status warns of it.
    """
    async with Origin(always(OK)) as old, alone() as worker:
        await worker.goes_by({"old": {"url": old.url}, "new": {"url": "http://127.0.0.1:1"}}, tmp_path)
        client = await worker.client()
        for _ in range(60):
            assert (await client.ask(get())).status == 200

        async def told() -> bool:
            return bool(worker.told("side_failing") and worker.told("breaker_opened"))

        await until(told, "the trouble is told")
        client.close()
        event = worker.told("side_failing")[0]

    assert event["side"] == "new"
    assert event["role"] == "shadow"
    assert event["url"] == "http://127.0.0.1:1"
    assert event["cause"] == "refused"
    assert event["detail"] == "Connection refused"
    assert event["count"] >= 1
    assert worker.told("breaker_opened")[0]["side"] == "new"
