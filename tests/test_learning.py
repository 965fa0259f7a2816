"""
What becomes of noise that was learned, and of what people decide about it: judged by, kept, told. The files are real.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.admin.facts import Facts
from proxy.admin.steering import Invalid, NotYet, Refusal, Unknown, Unsaved
from proxy.compare.difference import Kind
from proxy.compare.judging import JudgingTable, Noisy, decode, encode
from proxy.compare.rules import Rule
from proxy.errors import LinkError
from proxy.evidence.tally import DELAY
from proxy.learning import Learning
from proxy.link.frames import Kind as Frame
from proxy.routing.table import Noise, Side, Table
from proxy.routing.table import encode as encode_table
from proxy.rulebook import Rulebook
from proxy.tasks import spawn
from tests.parts.parallax import until
from tests.parts.payloads import a_new_table, status
from tests.parts.steered import OPS

ENDPOINT, PATTERN = "GET /a", "$.at"
SPOT = (ENDPOINT, PATTERN, int(Kind.VALUE))
NOISY = (Noisy(endpoint=ENDPOINT, pattern=PATTERN, kind=Kind.VALUE),)
# Of ten pairs of old with its twin, five differ at one place.
TWINS = {"twins": {ENDPOINT: 10}, "noise": [[*SPOT, 5]]}
# Of a thousand pairs of old and new, all do.
WORSE = {"pairs": {ENDPOINT: 1000}, "live": [[*SPOT, 1000]]}


def a_table(learn_for: float = 3600.0, **changes: Any) -> Table:
    """
    A table with which noise is learned.
    """
    noise = Noise(sample=5.0, per_second=20, learn_for=learn_for, expires=86_400.0, twin=None)
    return a_new_table(noise=noise, **changes)


class Desk:
    """
    One life of learning in `folder`, its comparers being the test; `judging` is what it goes on with.
    """

    def __init__(self, folder: Path, table: Table | None = None, judging: JudgingTable | None = None) -> None:
        self.facts = Facts({})
        self.facts.take_table(encode_table(table or a_table()))
        self.facts.take_judging(encode(judging or JudgingTable(version=1)))
        self.sent: list[JudgingTable] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.published: list[dict[str, Any]] = []
        self.audit: list[tuple[str, str, Any]] = []
        self.audited = True
        self.learning = Learning(
            self.facts,
            Rulebook(self.facts, self._send),
            folder,
            tell=lambda _level, event, **fields: self.told.append((event, fields)),
            publish=lambda _kind, value: self.published.append(value),
            note=self._note,
        )

    async def opened(self) -> "Desk":
        """
        Itself, once what is kept has been read.
        """
        self.learning.start()
        await self.until(lambda: not isinstance(self._try(), NotYet), "what is kept has been read")
        return self

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """
        Return once that holds.
        """

        async def done() -> bool:
            return holds()

        await until(done, what)

    def see(self, **judged: Any) -> None:
        """
        What a comparer saw in a second, and the look at it.
        """
        version = self.sent[-1].version if self.sent else 1
        self.learning.take({"version": version, "pairs": {}, "twins": {}, "noise": [], "live": [], **judged})
        self.learning.look()

    def judge_by(self, *versions: int | None) -> None:
        """
        Comparers say by which tables they judge.
        """
        comparers = [{"number": 0, "incarnation": 5, "version": version} for version in versions]
        self.facts.take_status(status(comparers=comparers))

    async def decide(self, action: str, **body: Any) -> dict[str, Any]:
        """
        What somebody is answered.
        """
        return await self.learning.change(action, OPS, {"reason": "seen", **body})

    @property
    def places(self) -> list[tuple[str, int, float | None]]:
        """
        What is known: state, twin pairs and how many of them differed.
        """
        return [(place["state"], place["twins"], place["rate"]) for place in self.learning.listing()["places"]]

    def _try(self) -> Refusal | None:
        try:
            self.learning.listing()
        except Refusal as refusal:
            return refusal
        return None

    def _send(self, kind: Frame, payload: bytes) -> None:
        assert kind is Frame.JUDGING
        self.sent.append(decode(payload))

    def _note(self, _who: object, action: str, reason: str, value: Any) -> "asyncio.Future[None]":
        self.audit.append((action, reason, value))
        written = asyncio.get_running_loop().create_future()
        if self.audited:
            written.set_result(None)
        return written


async def test_what_was_learned_is_judged_by_and_in_force_when_all_comparers_say_so(tmp_path: Path) -> None:
    """
    With the next version; what is known already is not sent again.
    """
    desk = await Desk(tmp_path).opened()
    desk.see(**TWINS)
    [sent] = desk.sent
    desk.see(**TWINS)
    in_force = []
    for versions in [(), (1,), (2, 1), (2, None), (2, 2)]:
        desk.judge_by(*versions)
        in_force.append(desk.learning.listing()["in_force"])

    assert (sent.version, sent.noise) == (2, NOISY)
    assert desk.sent == [sent]
    assert desk.places == [("noise", 20, 0.5)]
    assert in_force == [False, False, False, False, True]


async def test_nothing_is_learned_before_what_is_kept_was_read(tmp_path: Path) -> None:
    """
    Whoever asks is asked to come again; what was seen meanwhile counts from then on.
    """
    desk = Desk(tmp_path)
    desk.see(**TWINS)
    with pytest.raises(NotYet):
        await desk.decide("freeze")
    assert desk.sent == []
    await desk.opened()
    desk.see()

    assert desk.places == [("noise", 10, 0.5)]


async def test_without_twins_nothing_is_done(tmp_path: Path) -> None:
    """
    As long as nothing is known from before.
    """
    usual = a_table()
    desk = await Desk(tmp_path, replace(usual, noise=replace(usual.noise, sample=0.0))).opened()
    desk.see(**TWINS)

    assert (desk.places, desk.sent) == ([], [])


async def test_new_that_differs_more_is_accused_and_told_at_once(tmp_path: Path) -> None:
    """
    In the log, to who listens and in the metrics; its place is no noise any more.
    """
    desk = await Desk(tmp_path).opened()
    desk.see(**TWINS)
    desk.judge_by(2)
    for _ in range(10):
        desk.see(**WORSE)

    assert desk.places == [("accused", 10, 0.5)]
    assert [(event, fields["path"], fields["old"]) for event, fields in desk.told] == [
        ("noise_accused", PATTERN, "5 of 10")
    ]
    assert [(value["state"], value["kind"]) for value in desk.published] == [("accused", "value")]
    assert desk.facts.accused == {ENDPOINT: 1}
    assert [table.noise for table in desk.sent] == [NOISY, ()]


async def test_new_is_measured_from_when_every_comparer_knows_the_place(tmp_path: Path) -> None:
    """
    Before, nobody looks whether new differs there. What was told by then comes some looks late, and is left out too.
    """
    desk = await Desk(tmp_path).opened()
    desk.judge_by(1, 1)
    desk.see(**TWINS)
    unaware = {"pairs": {ENDPOINT: 100}}
    for versions in [(1, 1), (2, 1)]:
        desk.judge_by(*versions)
        desk.see(version=min(versions), **unaware)
    desk.judge_by(2, 2)
    for _ in range(10):
        desk.see(pairs={ENDPOINT: 10}, live=[[*SPOT, 5]])

    [place] = desk.learning.listing()["places"]
    assert (place["live"], place["live_rate"]) == (10 * (10 - DELAY), 0.5)


async def test_a_decision_is_kept_noted_and_known_to_a_successor(tmp_path: Path) -> None:
    """
    Before it is answered, with all counts; the successor has nothing to send.
    """
    desk = await Desk(tmp_path).opened()
    desk.see(**TWINS)
    desk.see(**TWINS)
    answered = await desk.decide("freeze")
    heir = await Desk(tmp_path, judging=desk.sent[-1]).opened()
    heir.see(**TWINS)

    assert answered["frozen"] is True
    assert desk.audit == [("noise_freeze", "seen", {"places": []})]
    assert desk.published[-1] == {"state": "freeze", "places": 0}
    assert (heir.places, heir.sent) == ([("noise", 20, 0.5)], [])
    assert heir.learning.listing()["frozen"] is True
    assert (tmp_path / "noise.json").stat().st_mode & 0o777 == 0o600


async def test_people_say_what_is_noise_and_what_is_not(tmp_path: Path) -> None:
    """
    What comes after learning is only proposed; whatever is decided is judged by at once.
    """
    desk = await Desk(tmp_path, a_table(learn_for=0.0)).opened()
    desk.see(**TWINS)
    proposed = desk.places, [*desk.sent]
    await desk.decide("accept", endpoint=ENDPOINT, path=PATTERN, kind="value")
    accepted = desk.places, desk.sent[-1].noise
    await desk.decide("forget", endpoint=ENDPOINT)

    assert proposed == ([("proposed", 10, 0.5)], [])
    assert accepted == ([("noise", 10, 0.5)], NOISY)
    assert (desk.places, desk.sent[-1].noise) == ([("proposed", 10, 0.5)], ())
    assert [(action, value["places"]) for action, _, value in desk.audit] == [
        ("noise_accept", [list(SPOT)]),
        ("noise_forget", [list(SPOT)]),
    ]
    assert (await desk.decide("learn"))["learning"] is False


@pytest.mark.parametrize(
    ("action", "body", "refusal"),
    [
        ("accept", {}, Invalid),
        ("accept", {"endpoint": 7}, Invalid),
        ("accept", {"endpoint": ENDPOINT, "until": "tomorrow"}, Invalid),
        ("freeze", {"endpoint": ENDPOINT}, Invalid),
        ("accept", {"endpoint": "GET /b"}, Unknown),
        ("forget", {"endpoint": ENDPOINT, "path": "$.b"}, Unknown),
        ("forget", {"endpoint": ENDPOINT, "kind": "type"}, Unknown),
    ],
)
async def test_what_makes_no_sense_is_refused(
    tmp_path: Path, action: str, body: dict[str, Any], refusal: type[Refusal]
) -> None:
    """
    And changes nothing.
    """
    desk = await Desk(tmp_path).opened()
    desk.see(**TWINS)
    with pytest.raises(refusal):
        await desk.decide(action, **body)

    assert desk.places == [("noise", 10, 0.5)]
    assert (desk.audit, desk.published, len(desk.sent)) == ([], [], 1)


async def test_what_can_not_be_kept_is_not_decided(tmp_path: Path) -> None:
    """
    The trouble is told once, shown as long as it lasts, and gone with the next decision that can be kept.
    """
    folder = tmp_path / "var"
    folder.write_text("no folder")
    desk = await Desk(folder).opened()
    desk.see(**TWINS)
    for _ in range(2):
        with pytest.raises(Unsaved, match=r"nothing is changed, because it can't be saved: .*noise\.json"):
            await desk.decide("forget", endpoint=ENDPOINT)

    assert desk.places == [("noise", 10, 0.5)]
    assert (desk.audit, desk.published, len(desk.sent)) == ([], [], 1)
    assert "noise.json" in desk.learning.listing()["trouble"]
    folder.unlink()
    answered = await desk.decide("forget", endpoint=ENDPOINT)
    assert (answered["trouble"], desk.sent[-1].noise) == (None, ())
    assert [event for event, _ in desk.told] == ["noise_not_saved", "noise_changed"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"subject": "a", "open_until": 0, "places": [7]}'])
async def test_what_is_broken_is_set_aside_and_learned_anew(tmp_path: Path, content: bytes) -> None:
    """
    For people to look at.
    """
    (tmp_path / "noise.json").write_bytes(content)
    desk = await Desk(tmp_path).opened()
    desk.see(**TWINS)

    assert (tmp_path / "noise.json.broken").read_bytes() == content
    assert [event for event, _ in desk.told] == ["noise_lost"]
    assert desk.places == [("noise", 10, 0.5)]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("what", ["old", "rules", "nothing"])
async def test_another_old_or_other_rules_open_learning_anew(tmp_path: Path, what: str, frozen: bool) -> None:
    """
    Over a restart as well, and what is known stays; unless somebody has frozen it.
    """
    table, judging = a_table(learn_for=0.0), JudgingTable(version=1)
    desk = await Desk(tmp_path, table, judging).opened()
    desk.see(**TWINS)
    await desk.decide("accept", endpoint=ENDPOINT)
    if frozen:
        await desk.decide("freeze")
    changed = {
        "old": (replace(table, sides=(another(table.sides[0]), table.sides[1])), judging),
        "rules": (table, replace(judging, rules=(Rule(does="ignore", where="$.b"),))),
        "nothing": (table, judging),
    }[what]
    heir = await Desk(tmp_path, *changed).opened()
    heir.see()

    assert [event for event, _ in heir.told] == ([] if what == "nothing" or frozen else ["noise_learning"])
    assert heir.places == [("noise", 10, 0.5)]
    assert heir.learning.listing()["frozen"] is frozen


def another(side: Side) -> Side:
    """
    The same, at another address.
    """
    return replace(side, port=side.port + 1)


async def test_a_decision_is_carried_through_when_nobody_waits_for_it(tmp_path: Path) -> None:
    """
    Whoever asked is gone, and the audit can't be written at present: it is kept and judged by.
    """
    desk = await Desk(tmp_path).opened()
    desk.see(**TWINS)
    desk.audited = False
    asking = spawn(desk.decide("forget", endpoint=ENDPOINT), name="asking")
    await desk.until(lambda: bool(desk.audit), "it is noted")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await desk.until(lambda: bool(desk.published), "it is done")

    kept = orjson.loads((tmp_path / "noise.json").read_bytes())
    assert kept["places"][0][-1]["learned"] is False
    assert desk.sent[-1].noise == ()


async def test_a_comparer_that_talks_nonsense_is_refused(tmp_path: Path) -> None:
    """
    Whoever has its link ends it.
    """
    desk = await Desk(tmp_path).opened()
    with pytest.raises(LinkError):
        desk.learning.take({"pairs": []})

    assert (desk.places, desk.sent) == ([], [])
