"""
A pair ends in exactly one entry of the books, whatever happens in whatever order, and gives back what it held.
"""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import proxy.mirror.pair as room
from proxy.metrics.books import DIVERGENT, FAILED, IDENTICAL, VERDICTS, Page
from proxy.mirror.budget import Budget
from proxy.mirror.observation import Observation, same_bytes
from proxy.mirror.pair import Pair, Pairs, Unkept
from tests.parts.values import a_request, an_answer

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n"


class Leg:
    """
    A shadow leg that asserts what a pair may ask of it: nothing before it is there, nothing after its end.
    """

    def __init__(self) -> None:
        self.stopped = 0
        self.overrun = 0
        self.went_on = 0

    def stop(self) -> None:
        """
        Once at most.
        """
        assert not self.stopped
        self.stopped += 1

    def overran(self) -> None:
        """
        Only before the end.
        """
        assert not self.stopped
        self.overrun += 1

    def live_went_on(self) -> None:
        """
        Only before the end.
        """
        assert not self.stopped
        self.went_on += 1


class Stage:
    """
    One pair with everything around it.
    """

    def __init__(
        self,
        *,
        live: int = 0,
        fields: bytes = b"",
        budget: int = 10_000,
        max_body: int = 1000,
        begun: bool = True,
        make: type[Pair] = Pair,
    ) -> None:
        self.page = Page("GET /a")
        self.page.eligible[live] += 1
        self.shown: list[tuple[bytes, bytes]] = []
        self.pairs = Pairs(
            Budget(budget), max_body, lambda pair, _: self.shown.append((pair.live.body(), pair.shadow.body()))
        )
        self.pair = make(self.pairs, a_request(GET + fields + b"\r\n"), self.page, live)
        self.leg = Leg()
        if begun:
            self.pair.shadow_leg = self.leg

    def answer(self, observation: Observation, raw: bytes, *, at: float = 0.0) -> None:
        """
        A head and content come.
        """
        head, _, content = raw.partition(b"\r\n\r\n")
        observation.head = an_answer(head)
        observation.sent, observation.at = 100.0, 100.0 + at
        if content:
            self.pair.keep(observation, content)

    def both(self, live: bytes, shadow: bytes) -> None:
        """
        Both sides answer completely.
        """
        for observation, raw in ((self.pair.live, live), (self.pair.shadow, shadow)):
            self.answer(observation, raw)
            self.pair.ended(observation, None)

    @property
    def entries(self) -> dict[str, int]:
        """
        What is in the books, both live sides together.
        """
        found = {VERDICTS[index]: n for side in (0, 1) for index, n in enumerate(self.page.verdicts[side]) if n}
        for reasons in self.page.skipped:
            found.update(reasons)
        return found


OK = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nX: 1\r\n\r\nhello"
CLOSE = OK.replace(b"X: 1", b"Connection: close")


@pytest.mark.parametrize("first", ["live", "shadow"])
def test_equal_bytes_are_identical_whoever_is_first(first: str) -> None:
    """
    Fields that aren't compared may differ.
    """
    stage = Stage()
    order = [stage.pair.live, stage.pair.shadow] if first == "live" else [stage.pair.shadow, stage.pair.live]
    for number, observation in enumerate(order):
        stage.answer(observation, OK.replace(b"X: 1", b"X: %d" % number))
        assert not stage.pair.settled
        stage.pair.ended(observation, None)

    assert stage.entries == {"identical": 1}
    assert stage.page.verdicts[0][IDENTICAL] == 1
    assert stage.page.pending(0) == 0
    assert stage.shown == []
    assert not stage.leg.stopped


@pytest.mark.parametrize(
    "shadow",
    [
        OK.replace(b"200", b"201"),
        OK.replace(b"a/b", b"a/c"),
        OK.replace(b"hello", b"hellO"),
        OK.replace(b"hello", b"hello!"),
        OK.replace(b"X: 1", b"Set-Cookie: sid=1"),
        OK.replace(b"Content-Type: a/b\r\n", b""),
    ],
)
@pytest.mark.parametrize("live", [0, 1])
def test_one_difference_is_divergent(shadow: bytes, live: int) -> None:
    """
    Status, a compared field, content, a cookie's name; and the bytes are still there for whoever looks.
    """
    stage = Stage(live=live)

    stage.both(OK, shadow)

    assert stage.entries == {"divergent": 1}
    assert stage.page.verdicts[live][DIVERGENT] == 1
    assert stage.shown == [(b"hello", shadow.partition(b"\r\n\r\n")[2])]


def test_a_cookies_value_and_the_order_of_fields_accuse_nobody() -> None:
    """
    The order of fields of one name counts, across names it doesn't (RFC 9110 §5.3).
    """
    one = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nSet-Cookie: a=1\r\nX-Cmp-L: 1\r\nX-Cmp-L: 2\r\n\r\n"
    other = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=2\r\nX-Cmp-L: 1\r\nX-Cmp-L: 2\r\nContent-Type: a/b\r\n\r\n"
    swapped = other.replace(b"L: 1", b"L: 3").replace(b"L: 2", b"L: 1").replace(b"L: 3", b"L: 2")
    same, different = Stage(), Stage()

    same.both(one, other)
    different.both(one, swapped)

    assert same.entries == {"identical": 1}
    assert different.entries == {"divergent": 1}


@given(st.binary(max_size=40), st.lists(st.integers(1, 40)), st.lists(st.integers(1, 40)))
def test_how_content_was_cut_does_not_matter(content: bytes, mine: list[int], theirs: list[int]) -> None:
    """
    Sides send their content in different pieces.
    """
    observations = []
    for cuts in (mine, theirs):
        observation = Observation()
        observation.head = an_answer(b"HTTP/1.1 200 OK\r\n\r\n")
        edges = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
        observation.content = [content[a:b] for a, b in itertools.pairwise(edges)]
        observation.size = len(content)
        observations.append(observation)

    assert same_bytes(*observations)
    observations[0].size += 1
    assert not same_bytes(*observations)


@pytest.mark.parametrize("live", [0, 1])
@pytest.mark.parametrize("broken", ["live", "shadow"])
def test_one_side_without_an_answer_failed(live: int, broken: str) -> None:
    """
    And it is named: new dying while it is live is new's failure.
    """
    stage = Stage(live=live)
    for name, observation in (("live", stage.pair.live), ("shadow", stage.pair.shadow)):
        if name == broken:
            stage.pair.ended(observation, "terminated")
        else:
            stage.answer(observation, OK)
            stage.pair.ended(observation, None)

    guilty = live if broken == "live" else 1 - live
    assert stage.entries == {"failed": 1}
    assert stage.page.verdicts[live][FAILED] == 1
    assert stage.page.failed[guilty] == 1
    assert stage.page.failed[1 - guilty] == 0


def test_two_sides_without_an_answer_say_nothing() -> None:
    """
    The network broke, or the request is poison; no side is accused.
    """
    stage = Stage()
    stage.pair.ended(stage.pair.shadow, "refused")
    stage.pair.ended(stage.pair.live, "timeout")

    assert stage.entries == {"both_failed": 1}
    assert stage.page.failed == [0, 0]


def test_validators_that_only_one_side_issued() -> None:
    """
    304 against 200 says something about caches, not about the sides.
    """
    not_modified = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    asked, unasked, agreed = Stage(fields=b"If-None-Match: e\r\n"), Stage(), Stage(fields=b"If-None-Match: e\r\n")

    asked.both(not_modified, OK)
    unasked.both(not_modified, OK)
    agreed.both(not_modified, not_modified)

    assert asked.entries == {"conditional": 1}
    assert unasked.entries == {"divergent": 1}
    assert agreed.entries == {"identical": 1}


@pytest.mark.parametrize(("live", "bucket"), [(0, 1), (1, -1)])
def test_the_latency_of_a_pair_is_new_minus_old(live: int, bucket: int) -> None:
    """
    Whoever is live; here the shadow took a second longer.
    """
    stage = Stage(live=live)
    stage.answer(stage.pair.live, OK, at=0.1)
    stage.answer(stage.pair.shadow, OK, at=1.1)
    stage.pair.ended(stage.pair.live, None)
    stage.pair.ended(stage.pair.shadow, None)

    deltas = stage.page.deltas[live]
    middle = (len(deltas) - 1) // 2
    assert sum(deltas) == 1
    assert (deltas.index(1) > middle) is (bucket > 0)


@pytest.mark.parametrize("paused", ["live", "shadow"])
def test_a_leg_held_up_by_flow_control_has_no_latency(paused: str) -> None:
    """
    Its time says more about the client than about the side.
    """
    stage = Stage()
    getattr(stage.pair, paused).paused = True

    stage.both(OK, OK)

    assert sum(stage.page.deltas[0]) == 0
    assert stage.page.unpaired[0] == {"paused": 1}
    assert stage.entries == {"identical": 1}


@pytest.mark.parametrize(
    ("connected", "answers", "pairs"),
    [
        (("live", "shadow"), (OK, OK), 1),
        (("live",), (OK, OK), 0),
        (("shadow",), (OK, OK), 0),
        (("live",), (CLOSE, OK), 1),
        (("shadow",), (OK, CLOSE), 1),
        (("live",), (OK, CLOSE), 0),
    ],
)
def test_a_new_connection_of_one_leg_alone_makes_no_latency_of_a_pair(
    connected: tuple[str, ...], answers: tuple[bytes, bytes], pairs: int
) -> None:
    """
    Unless its side never keeps one: then that is what it is like.
    """
    stage = Stage()
    for name in connected:
        getattr(stage.pair, name).connected = True

    stage.both(*answers)

    assert sum(stage.page.deltas[0]) == sum(stage.page.ratios[0]) == pairs
    assert stage.page.unpaired[0] == ({} if pairs else {"connect": 1})


def test_the_budget_refuses_and_the_pair_is_dropped() -> None:
    """
    What it held before goes back, and the copy is stopped.
    """
    stage = Stage(budget=10)
    assert stage.pair.hold(8)

    assert not stage.pair.hold(3)
    assert stage.entries == {"memory_budget": 1}
    assert stage.pairs.budget.used == 0
    assert stage.leg.stopped == 1


@pytest.mark.parametrize(("shadow", "verdict"), [(OK, "identical"), (OK.replace(b"o", b"0"), "divergent")])
@pytest.mark.parametrize("max_body", [5, 4, 1, 0])
def test_content_over_the_limit_is_compared_and_not_kept(shadow: bytes, verdict: str, max_body: int) -> None:
    """
    By length and digest, however it was cut; exactly the limit still is kept.
    """
    stage = Stage(max_body=max_body)
    for observation, raw, step in ((stage.pair.live, OK, 2), (stage.pair.shadow, shadow, 3)):
        head, _, content = raw.partition(b"\r\n\r\n")
        stage.answer(observation, head + b"\r\n\r\n")
        for at in range(0, len(content), step):
            stage.pair.keep(observation, content[at : at + step])
        assert stage.pairs.budget.used <= 2 * max_body
        stage.pair.ended(observation, None)

    assert stage.entries == {verdict: 1}
    assert stage.pairs.budget.used == 0
    assert not stage.leg.stopped


def test_there_is_an_end_to_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Of the live side's answer too, which accuses nobody.
    """
    monkeypatch.setattr(room, "LONGEST", 10)
    stage = Stage(max_body=4)
    stage.answer(stage.pair.live, OK)
    assert not stage.pair.settled

    stage.pair.keep(stage.pair.live, b"x" * 6)

    assert stage.entries == {"body_too_large": 1}
    assert (stage.leg.stopped, stage.leg.overrun) == (1, 0)


def test_a_shadow_whose_content_is_not_kept_hears_how_far_the_live_one_is() -> None:
    """
    It may not be far ahead.
    """
    stage = Stage(max_body=4)
    stage.answer(stage.pair.shadow, OK)
    stage.answer(stage.pair.live, OK)
    assert stage.leg.went_on == 1

    stage.pair.ended(stage.pair.live, None)

    assert stage.leg.went_on == 2


def test_a_shadow_that_goes_on_where_the_live_side_ended_is_told_apart() -> None:
    """
    Endless content is the side's fault; content that is too long on both sides is not.
    """
    stage = Stage(max_body=100)
    stage.answer(stage.pair.live, OK)
    stage.pair.ended(stage.pair.live, None)

    stage.pair.keep(stage.pair.shadow, b"x" * 101)
    assert not stage.pair.settled
    stage.pair.keep(stage.pair.shadow, b"x" * room.SLACK)

    assert stage.leg.overrun == 1
    assert stage.entries == {"body_too_large": 1}


@pytest.mark.parametrize("shadow", [OK, OK.replace(b"200", b"500"), OK.replace(b"hello", b"other")])
def test_what_is_not_kept_is_not_compared(shadow: bytes) -> None:
    """
    Nothing of it is held, not for a moment.
    """
    stage = Stage(make=Unkept, budget=0)
    stage.both(OK, shadow)

    assert stage.entries == {"memory_budget": 1}
    assert stage.pairs.budget.refused == 0
    assert not stage.pairs.open
    assert stage.shown == []


@pytest.mark.parametrize("causes", [("timeout", None), (None, "refused"), ("refused", "refused")])
def test_a_failure_is_no_verdict_where_there_are_no_others(causes: tuple[str | None, str | None]) -> None:
    """
    Or all there was would seem to have failed.
    """
    stage = Stage(make=Unkept)
    for observation, cause in zip((stage.pair.live, stage.pair.shadow), causes, strict=True):
        stage.pair.ended(observation, cause)

    assert stage.entries == {"memory_budget": 1}


def test_what_is_not_kept_has_the_same_limit() -> None:
    """
    A shadow that goes on for ever is stopped.
    """
    stage = Stage(make=Unkept, max_body=8)
    stage.answer(stage.pair.live, OK)
    stage.pair.ended(stage.pair.live, None)
    stage.answer(stage.pair.shadow, OK)
    stage.pair.keep(stage.pair.shadow, b"more")

    assert stage.entries == {"body_too_large": 1}
    assert (stage.leg.overrun, stage.leg.stopped) == (1, 1)


def test_dropping_all_of_them() -> None:
    """
    When draining; those that are settled stay settled.
    """
    stage = Stage()
    stage.both(OK, OK)
    other = Pair(stage.pairs, stage.pair.request, stage.page, 0)
    stage.page.eligible[0] += 1

    stage.pairs.drop_all("draining")

    assert stage.entries == {"identical": 1, "draining": 1}
    assert other.settled
    assert not stage.pairs.open


class Life(RuleBasedStateMachine):
    """
    Everything that can happen to a pair, in any order that its two legs allow.
    """

    @initialize(live=st.sampled_from([0, 1]), validators=st.booleans(), begun=st.booleans())
    def begin(self, live: int, validators: bool, begun: bool) -> None:
        """
        An exchange is mirrored; its copy may not have been sent yet.
        """
        fields = b"If-None-Match: e\r\n" if validators else b""
        self.stage = Stage(live=live, fields=fields, budget=300, max_body=100, begun=begun)
        self.pair = self.stage.pair
        self.live = live

    def observation(self, name: str) -> Observation:
        """
        By its name.
        """
        return self.pair.live if name == "live" else self.pair.shadow

    SIDES = st.sampled_from(["live", "shadow"])
    open_pair = precondition(lambda self: not self.pair.settled)

    @open_pair
    @rule(side=SIDES, status=st.sampled_from([200, 304, 500]))
    def head(self, side: str, status: int) -> None:
        """
        An answer's head.
        """
        observation = self.observation(side)
        if not observation.done and observation.head is None:
            self.stage.answer(observation, b"HTTP/1.1 %d x\r\n\r\n" % status)

    @open_pair
    @rule(side=SIDES, size=st.integers(1, 80))
    def content(self, side: str, size: int) -> None:
        """
        A piece of content.
        """
        observation = self.observation(side)
        if not observation.done and observation.head is not None:
            self.pair.keep(observation, b"x" * size)

    @open_pair
    @rule(size=st.integers(0, 200))
    def hold(self, size: int) -> None:
        """
        A piece of the request waits.
        """
        self.pair.hold(size)

    @rule(side=SIDES, cause=st.sampled_from([None, "timeout", "malformed"]))
    def end(self, side: str, cause: str | None) -> None:
        """
        One side is done, also when the pair is settled already.
        """
        observation = self.observation(side)
        if not observation.done and (cause is not None or observation.head is not None):
            self.pair.ended(observation, cause)

    @rule(reason=st.sampled_from(["client_gone", "draining", "streaming"]), times=st.integers(1, 2))
    def drop(self, reason: str, times: int) -> None:
        """
        Somebody gives it up, perhaps twice.
        """
        for _ in range(times):
            self.pair.drop(reason)

    @invariant()
    def the_books_balance(self) -> None:
        """
        One entry when settled, none before; then nothing is held, and nobody is referred to.
        """
        if not hasattr(self, "pair"):
            return
        page, pairs = self.stage.page, self.stage.pairs
        assert sum(self.stage.entries.values()) == int(self.pair.settled)
        assert page.pending(self.live) == int(not self.pair.settled)
        assert page.eligible[1 - self.live] == page.pending(1 - self.live) == 0
        assert (self.pair in pairs.open) is not self.pair.settled
        assert 0 <= pairs.budget.used <= pairs.budget.limit
        assert len(self.stage.shown) == page.verdicts[self.live][DIVERGENT]
        if self.pair.settled:
            assert pairs.budget.used == 0
            assert self.pair.shadow_leg is None
            assert not self.pair.live.content
            assert not self.pair.shadow.content


TestLife = Life.TestCase


def test_whoever_looks_at_a_divergent_pair_sees_it_open() -> None:
    """
    The callback comes before anything is let go.
    """
    seen: list[bool] = []
    stage = Stage()
    stage.pairs.on_divergent = lambda pair, _: seen.append(pair.settled)

    stage.both(OK, OK.replace(b"200", b"500"))

    assert seen == [False]
    assert stage.pair.settled


@pytest.mark.parametrize(
    ("method", "length", "kept", "dropped"),
    [
        (b"GET", 1000, True, False),
        (b"GET", 1001, False, False),
        (b"GET", room.LONGEST, False, False),
        (b"GET", room.LONGEST + 1, True, True),
        (b"HEAD", room.LONGEST + 1, True, False),
    ],
)
def test_an_announced_length_over_the_limit_settles_what_is_kept(
    method: bytes, length: int, kept: bool, dropped: bool
) -> None:
    """
    Nothing of it needs to be read first; a HEAD's answer has none.
    """
    page = Page("GET /a")
    pairs = Pairs(Budget(10_000), 1000, lambda *_: None)
    made = Pair(pairs, a_request(method + b" /a HTTP/1.1\r\nHost: a\r\n\r\n"), page, 0)
    made.announced(made.live, an_answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length))

    assert (made.live.digest is None) is kept
    assert made.settled is dropped
    assert page.skipped[0] == ({"body_too_large": 1} if dropped else {})
