"""
Providers are asked beside the traffic: one that hangs, flaps or lies delays no request, and decides nothing.
"""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGUSR1

import pytest

from proxy.admin.facts import Asking
from proxy.clock import monotonic
from proxy.errors import LinkError
from proxy.flags import GIVEN_UP, THREADS, Flags
from proxy.link.frames import Kind
from tests.parts.client import get
from tests.parts.parallax import Configuration, running, until
from tests.parts.providers import Sticking
from tests.parts.sides import Sides, sides

pytestmark = pytest.mark.timeout(120)

PROVIDERS = "tests.parts.providers:"
FLAGS = {
    "flags": {
        "orders": {
            "state": "ENABLED",
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "targeting": {"if": [{"in": [{"var": "targetingKey"}, ["ann", "bob"]]}, "on", "off"]},
        },
        "words": {"state": "ENABLED", "variants": {"a": "true"}, "defaultVariant": "a"},
    }
}


class Asked:
    """
    Flags without workers: what was sent to them and told, and what was asked.
    """

    def __init__(self, provider: str) -> None:
        self.said: dict[tuple[str, str], bool] = {}
        self.told: list[tuple[str, str]] = []
        self.asking = Asking()
        self.flags = Flags(self._send, self._tell, self.asking, seconds=0.5)
        self.flags.start(PROVIDERS + provider)

    def _send(self, kind: Kind, payload: bytes) -> None:
        assert kind is Kind.FLAGS_SAID
        self.said.update({(flag, key): value for flag, key, value in json.loads(payload)})

    def _tell(self, level: str, event: str, **fields: str) -> None:
        self.told.append((event, fields.get("why", "")))

    async def ask(self, *questions: tuple[str, str], what: Callable[[], bool]) -> None:
        """
        Ask again and again, as workers do, until something holds.
        """

        async def holds() -> bool:
            self.flags.take(json.dumps(questions).encode())
            return what()

        await until(holds, f"{questions}: {self.said} {self.told}")


@pytest.fixture
def flag_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    What `from_file` reads.
    """
    file = tmp_path / "flags.json"
    file.write_text(json.dumps(FLAGS))
    monkeypatch.setenv("FLAG_FILE", str(file))
    return file


async def test_a_provider_says_what_each_key_gets(flag_file: Path) -> None:
    """
    Flagd's own, with the file that it reads.
    """
    asked = Asked("from_file")
    await asked.ask(("orders", "ann"), ("orders", "eve"), what=lambda: len(asked.said) == 2)

    assert asked.said == {("orders", "ann"): True, ("orders", "eve"): False}


@pytest.mark.parametrize(("flag", "why"), [("nowhere", "FLAG_NOT_FOUND"), ("words", "TYPE_MISMATCH")])
async def test_what_is_no_answer_is_told_once_and_never_said(flag: str, why: str, flag_file: Path) -> None:
    """
    Workers go on by what they know.
    """
    asked = Asked("from_file")
    await asked.ask((flag, "ann"), ("orders", "ann"), what=lambda: ("flag_not_evaluated", why) in asked.told)

    assert not [both for both in asked.said if both[0] == flag]
    assert asked.told.count(("flag_not_evaluated", why)) == 1


async def test_a_provider_that_lies_about_types_says_nothing() -> None:
    """
    Text is no boolean, whatever the text.
    """
    asked = Asked("Lying")
    await asked.ask(("orders", "ann"), what=lambda: ("flag_not_evaluated", "TYPE_MISMATCH") in asked.told)

    assert asked.said == {}


async def test_a_provider_that_flaps_says_what_it_can() -> None:
    """
    Each time that it works.
    """
    asked = Asked("Flapping")
    await asked.ask(("orders", "ann"), what=lambda: ("flag_evaluated_again", "") in asked.told)

    assert asked.said == {("orders", "ann"): True}


async def test_a_provider_that_cannot_be_made_is_told() -> None:
    """
    Nothing is asked then.
    """
    asked = Asked("Nobody")
    await asked.ask(("orders", "ann"), what=lambda: bool(asked.told))

    assert asked.told == [("flags_not_started", "")]


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """
    To be set when `Sticking` may answer everybody; at the end it is, so that no thread is left.
    """
    Sticking.released.clear()
    yield Sticking.released
    Sticking.released.set()


async def test_an_evaluation_that_hangs_stops_no_other(released: threading.Event) -> None:
    """
    As many as there are threads hang; others are answered, it is told once, and what comes late is not said.
    """
    asked = Asked("Sticking")
    stuck = [("orders", f"stuck-{number}") for number in range(THREADS)]
    await asked.ask(*stuck, what=lambda: ("flags_hang", "") in asked.told)
    await asked.ask(*stuck, ("orders", "ann"), what=lambda: ("orders", "ann") in asked.said)
    assert "evaluations of flags hang" in asked.asking.provider
    released.set()
    await asked.ask(("orders", "eve"), what=lambda: ("flags_answer_again", "") in asked.told)

    assert asked.asking.provider == ""
    assert asked.told == [("flags_hang", ""), ("flags_answer_again", "")]
    assert [key for _, key in asked.said if key.startswith("stuck")] == []


async def test_a_provider_that_hangs_for_good_takes_no_more_threads(released: threading.Event) -> None:
    """
    It counts as down then, until an evaluation comes back.
    """
    before = set(threading.enumerate())
    asked = Asked("Sticking")
    stuck = [("orders", f"stuck-{number}") for number in range(100)]
    await asked.ask(*stuck, what=lambda: ("flags_down", "") in asked.told)
    evaluating = [one for one in set(threading.enumerate()) - before if one.name.startswith("flags ")]
    assert len(evaluating) == GIVEN_UP + THREADS
    assert "is down" in asked.asking.provider
    released.set()
    await asked.ask(("orders", "ann"), what=lambda: ("flags_answer_again", "") in asked.told)

    assert asked.asking.provider == ""
    assert [event for event, _ in asked.told if event in ("flags_hang", "flags_down")][:2] == [
        "flags_hang",
        "flags_down",
    ]


def test_questions_that_make_no_sense_are_refused() -> None:
    """
    As other frames are.
    """
    with pytest.raises(LinkError):
        Flags(lambda *_: None, lambda *_: None, Asking()).take(b"[1]")


def configured(pair: Sides, provider: str) -> Configuration:
    """
    A route that a flag decides, and one that it can veto.
    """
    decide = {"key": "orders", "mode": "decide", "cache": 0.1}
    routes = [
        {"name": "orders", "match": {"path": "/orders/**"}, "weight": 0.01, "flag": decide},
        {"name": "closed", "match": {"path": "/closed/**"}, "flag": decide},
        {"name": "held", "match": {"path": "/held/**"}, "weight": 100, "flag": {"key": "orders", "mode": "veto"}},
    ]
    return {
        "old": {"url": pair.url("old")},
        "new": {"url": pair.url("new")},
        "sticky": {"key": ["header:x-user"]},
        "routes": routes,
        "flags": {"provider": PROVIDERS + provider},
        "comparers": 0,
    }


async def test_flags_decide_and_veto_once_they_are_known(tmp_path: Path, flag_file: Path) -> None:
    """
    Nobody waits for them: the first request goes by the native decision. A kill is stronger.
    """
    async with sides(spread=0.0) as pair, running(configured(pair, "from_file"), tmp_path) as parallax:
        client = await parallax.client()

        async def served(path: bytes, user: bytes) -> bytes | None:
            return (await client.ask(get(path, b"X-User: " + user))).value(b"x-served-by")

        assert (await served(b"/orders/1", b"ann"), await served(b"/held/1", b"eve")) == (b"old", b"new")

        async def known() -> bool:
            return (await served(b"/orders/1", b"ann"), await served(b"/held/1", b"eve")) == (b"new", b"old")

        await until(known, "what the flag says")
        assert (await served(b"/held/1", b"ann"), await served(b"/closed/1", b"ann")) == (b"new", b"old")
        parallax.signal(SIGUSR1)

        async def killed() -> bool:
            return (await served(b"/orders/1", b"ann"), await served(b"/held/1", b"ann")) == (b"old", b"old")

        await until(killed, "everything on old")
        client.close()


async def test_a_hung_provider_delays_no_request(tmp_path: Path) -> None:
    """
    Hundreds of keys that nobody knows anything of: each is answered as if there were no flag, in the time it takes. Who
    asks for the weights hears of it.
    """
    async with sides(spread=0.0) as pair, running(configured(pair, "Hanging"), tmp_path) as parallax:
        parallax.forgiven.add("flags_down")
        client, token = await parallax.client(), await parallax.signed_in()
        asked, slowest = 0, 0.0

        async def ask(path: bytes, side: bytes, user: int) -> None:
            nonlocal asked, slowest
            began = monotonic()
            answer = await client.ask(get(path, b"X-User: user-%d" % user))
            asked, slowest = asked + 1, max(slowest, monotonic() - began)
            assert answer.value(b"x-served-by") == side

        async def warned() -> bool:
            await ask(b"/orders/1", b"old", 0)
            _, weights = await parallax.fetch(parallax.admin, b"/admin/weights", token)
            return b"evaluations of flags hang" in weights

        await until(warned, "a warning beside the weights")
        for number in range(200):
            await ask(b"/orders/1", b"old", number)
            await ask(b"/held/1", b"new", number)
        client.close()

        async def counted() -> bool:
            _, metrics = await parallax.fetch(parallax.admin, b"/metrics")
            return b'parallax_flag_total{flag="orders",outcome="native"} %d.0' % asked in metrics

        async def told() -> bool:
            return len(parallax.events("flags_hang")) == 1

        await until(counted, "native decisions only")
        await until(told, "flags_hang, once")
        # The cache's 5 s and a provider's usual deadline are far above; a machine that stalls is not.
        assert slowest < 2.0


async def test_a_flapping_provider_sends_nobody_back(tmp_path: Path) -> None:
    """
    Every other answer is a failure: what was known counts on, from the first that came.
    """
    async with sides(spread=0.0) as pair, running(configured(pair, "Flapping"), tmp_path) as parallax:
        client = await parallax.client()

        async def is_on_new() -> bool:
            return (await client.ask(get(b"/orders/1", b"X-User: ann"))).value(b"x-served-by") == b"new"

        await until(is_on_new, "the first answer")
        failures = len(parallax.events("flag_not_evaluated"))

        async def has_failed_again() -> bool:
            assert await is_on_new()
            return len(parallax.events("flag_not_evaluated")) >= failures + 1

        await until(has_failed_again, "one more failure")
        client.close()
