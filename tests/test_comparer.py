"""
The comparer as its supervisor and workers meet it: a real process, real sockets, and whatever bytes come over them.
"""

import os
import resource
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
import zstandard

from proxy.clock import monotonic
from proxy.compare.difference import Kind as Difference
from proxy.compare.judging import JudgingTable, encode
from proxy.compare.redaction import Redaction
from proxy.compare.rules import Rule
from proxy.link.frames import Kind, pack
from proxy.link.pairs import HEADER, LARGEST, OLD_CUT, RECHECK, TWIN, Said
from tests.parts.comparing import ENDPOINT, IS_ROOT, PATIENCE, Comparing, a_pair, as_bytes, by_another_user, comparing

TRAP = "GET /trap"
# Matching it takes longer than anybody lives.
TRAPPED = b'{"a": "%s!"}' % (b"a" * 64)
TRAPS = {TRAP: (Rule(does="rewrite", where="$.a", given={"pattern": "(a+)+$", "with": ""}),)}
TABLE = JudgingTable(version=1, by_endpoint=TRAPS, max_seconds=0.2, redact=Redaction(salt="00ff"))


@pytest.fixture(scope="module")
def comparer() -> Iterator[Comparing]:
    """
    One for all tests that leave it as it is.
    """
    with comparing(TABLE) as made:
        yield made


def test_workers_are_greeted_once_there_is_something_to_judge_by() -> None:
    """
    Nothing is handed over before, whether they come before or after it.
    """
    with comparing() as comparer:
        early = comparer.worker()
        comparer.judge_by(TABLE)
        late = comparer.worker()

        assert [[verdict.said for verdict in worker.hear()] for worker in (early, late)] == [[Said.HERE], [Said.HERE]]


def test_each_pair_gets_one_verdict_with_its_kinds_and_signature(comparer: Comparing) -> None:
    """
    In the order in which they came, with the version of what they were judged by.
    """
    worker = comparer.worker().greeted()
    same, other, type_too = worker.ask(
        a_pair(7, b'{"a": 1}', b'{ "a": 1 }'),
        a_pair(8, b'{"a": 1}', b'{"a": 2}'),
        a_pair(9, b'{"a": 1, "b": 1}', b'{"a": 2, "b": "1"}'),
    )

    assert [one.id for one in (same, other, type_too)] == [7, 8, 9]
    assert (same.said, same.kinds, same.signature) == (Said.EQUIVALENT, 0, 0)
    assert (other.said, other.kinds) == (Said.DIVERGENT, 1 << Difference.VALUE)
    assert type_too.kinds == 1 << Difference.VALUE | 1 << Difference.TYPE
    assert len({other.signature, type_too.signature, 0}) == 3
    assert {one.version for one in (same, other, type_too)} == {1}


def test_half_a_pair_waits_for_the_rest_and_keeps_nobody_waiting(comparer: Comparing) -> None:
    """
    However it was cut; if the rest never comes, nothing happened.
    """
    slow, gone, quick = (comparer.worker().greeted() for _ in range(3))
    data = as_bytes(a_pair(1, b'{"a": 1}', b'{"a": 2}'), a_pair(2, b'{"a": 1}', b'{ "a": 1}'))
    for start, end in pairwise([0, 3, HEADER.size, len(data) // 2, len(data) - 1]):
        slow.socket.sendall(data[start:end])
        assert [one.said for one in quick.ask(a_pair(1, b"1", b" 1"))] == [Said.EQUIVALENT]
    gone.socket.sendall(data[:-1])
    gone.socket.close()
    slow.socket.sendall(data[-1:])

    assert [one.said for one in slow.hear(2)] == [Said.DIVERGENT, Said.EQUIVALENT]
    assert [one.said for one in quick.ask(a_pair(1, b"1", b" 1"))] == [Said.EQUIVALENT]


@pytest.mark.parametrize(
    "nonsense",
    [
        HEADER.pack(LARGEST + 1, 1, 0, 0, 0, 0, 0, 0, 0, LARGEST + 1 - HEADER.size + 4),
        HEADER.pack(HEADER.size + 4, 1, 0, 1, 1, 1, 1, 1, 1, 1),
        b"\xff" * 64,
        b"GET / HTTP/1.1\r\nHost: somebody who is lost\r\n\r\n",
    ],
    ids=["over the limit", "lengths that don't add up", "ones", "http"],
)
def test_lengths_that_can_not_be_end_their_connection_and_no_other(comparer: Comparing, nonsense: bytes) -> None:
    """
    Nothing is waited for, nor kept for it.
    """
    broken, other = comparer.worker().greeted(), comparer.worker().greeted()
    broken.send(a_pair(1, b"1", b" 1"))
    assert len(broken.hear()) == 1
    broken.socket.sendall(nonsense)

    assert broken.hear() == []
    assert len(other.ask(a_pair(1, b"1", b" 1"))) == 1


def test_a_pair_that_makes_no_sense_is_one_pair_without_a_verdict(comparer: Comparing) -> None:
    """
    Heads that aren't any, a context that isn't one, a cut content that is too short; the next one is judged.
    """
    worker = comparer.worker().greeted()
    good = a_pair(1, b'{"a": 1}', b'{"a": 2}')
    heads = [b"", b"[]", b"{}", b'{"status": 200, "fields": 7, "media": "", "coding": ""}', b"\xff" * 5000]
    broken = [good._replace(id=2 + number, old_head=head) for number, head in enumerate(heads)]
    heard = worker.ask(*broken, good)

    assert [one.said for one in heard] == [Said.JUDGE_ERROR] * len(heads) + [Said.DIVERGENT]
    heard = worker.ask(good._replace(context=b"no json"), good._replace(flags=OLD_CUT, old_content=b"x"), good)
    assert [one.said for one in heard] == [Said.DIVERGENT] * 3


def test_another_table_is_judged_by_from_the_next_pair_on() -> None:
    """
    On connections that stand, and said with each verdict; one that makes no sense ends the process, which is replaced.
    """
    with comparing(TABLE) as comparer:
        worker = comparer.worker().greeted()
        pair = a_pair(1, b'{"a": 1}', b'{"a": 2}')
        before = worker.ask(pair)
        comparer.judge_by(JudgingTable(version=2, rules=(Rule(does="ignore", where="$.a"),)))
        after = worker.ask(pair)

        assert [(one.said, one.version) for one in before + after] == [(Said.DIVERGENT, 1), (Said.EQUIVALENT, 2)]
        comparer.link.sendall(pack(Kind.JUDGING, b'{"version": 3}'))
        assert comparer.ended() == 0
        assert worker.hear() == []


def test_what_is_told_together_was_judged_by_one_table() -> None:
    """
    Before another one counts, what was judged by the last is told with its version.
    """
    with comparing(TABLE) as comparer:
        worker = comparer.worker().greeted()
        verdicts = worker.ask(a_pair(1, b'{"a": 1}', b'{"a": 2}'))
        for version in (2, 3):
            comparer.link.sendall(pack(Kind.JUDGING, encode(replace(TABLE, version=version))))
            while verdicts[-1].version < version:
                verdicts += worker.ask(a_pair(1, b'{"a": 1}', b'{"a": 2}'))
        comparer.link.sendall(pack(Kind.STOP))
        told: Counter[int] = Counter()
        for seen in comparer.last_words():
            told[seen["version"]] += seen["pairs"].get(ENDPOINT, 0)

        assert told == Counter(verdict.version for verdict in verdicts)


def test_a_pair_that_takes_too_long_is_given_up_and_the_next_one_judged(comparer: Comparing) -> None:
    """
    A regular expression that never ends: the others of its connection, and other workers, have their verdicts.
    """
    worker, other = comparer.worker().greeted(), comparer.worker().greeted()
    began = monotonic()
    worker.send(a_pair(1, TRAPPED, TRAPPED.replace(b"!", b"?"), endpoint=TRAP), a_pair(2, b"1", b" 1"))
    other.send(a_pair(3, b"1", b" 1"))

    slow, quick = worker.hear(2)
    assert [(one.id, one.said) for one in (slow, quick)] == [(1, Said.TOO_SLOW), (2, Said.EQUIVALENT)]
    assert slow.cost >= 200_000
    assert quick.cost > 0
    assert monotonic() - began >= TABLE.max_seconds
    assert len(other.hear()) == 1
    # A sample of an earlier pair may be in the making.
    assert comparer.hand.held() != TRAP


def test_what_needs_more_memory_than_there_is_gets_no_verdict() -> None:
    """
    And the process goes on.
    """
    with comparing(JudgingTable(version=1, largest=2**40, max_seconds=3600.0)) as comparer:
        worker = comparer.worker().greeted()
        limit = 256 * 2**20
        resource.prlimit(comparer.process.pid, resource.RLIMIT_AS, (limit, limit))
        # Either would fit; how long it is, is not announced.
        packer = zstandard.ZstdCompressor(level=1, write_content_size=False)
        old, new = (packer.compress(bytes([fill]) * (limit // 2)) for fill in b"xy")
        heard = worker.ask(a_pair(1, old, new, coding="zstd"), a_pair(2, b"1", b" 1"))

        assert [one.said for one in heard] == [Said.JUDGE_ERROR, Said.EQUIVALENT]


def test_what_is_in_hand_can_be_read_when_it_is_dead() -> None:
    """
    Killed while it judged, after another pair was through.
    """
    with comparing(JudgingTable(version=1, by_endpoint=TRAPS, max_seconds=3600.0)) as comparer:
        worker = comparer.worker().greeted()
        worker.ask(a_pair(1, b'{"a": 1}', b'{"a": 2}', endpoint="GET /before"))
        assert comparer.hand.held() == ""
        worker.send(a_pair(1, TRAPPED, TRAPPED.replace(b"!", b"?"), endpoint=TRAP))
        end = monotonic() + PATIENCE
        while comparer.hand.held() != TRAP:
            assert monotonic() < end, "it never began"
        comparer.process.kill()

        assert comparer.ended() == -signal.SIGKILL
        assert comparer.hand.held() == TRAP
        assert worker.hear() == []


def test_what_was_seen_is_told_within_a_second(comparer: Comparing) -> None:
    """
    Signatures with whom they hit, samples without secrets; pairs with the twin apart, and of those that were asked
    again nothing but the verdict. Also when nothing was seen: who is silent is taken for hung.
    """
    worker = comparer.worker().greeted()
    pair = a_pair(1, b'{"mail": "ann@example.com"}', b'{"mail": "bob@example.com"}', endpoint="GET /seen")
    said = worker.ask(pair, pair, pair._replace(flags=TWIN), pair._replace(flags=RECHECK))
    seen = comparer.judged(lambda seen: "GET /seen" in seen["pairs"])
    [signature] = [one for one in seen["signatures"] if one["endpoint"] == "GET /seen"]
    if not seen["samples"]:
        seen["samples"] = comparer.judged(lambda seen: bool(seen["samples"]))["samples"]
    quiet = comparer.judged(lambda seen: not seen["pairs"])

    assert [one.said for one in said] == [Said.DIVERGENT] * 4
    assert (seen["pairs"]["GET /seen"], seen["twins"]["GET /seen"]) == (2, 1)
    assert (signature["count"], list(signature["keys"].values())) == (2, [[2, 0]])
    assert "example.com" not in str(seen)
    assert "ann" not in signature["keys"]
    assert quiet["version"] == 1


@pytest.mark.skipif(not IS_ROOT, reason="only root can be somebody else")
def test_nobody_else_may_hand_anything_over(comparer: Comparing) -> None:
    """
    A process of another user that found the name is turned away without a word, and what it sends is not looked at.
    """
    program = (
        "s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect('\\0' + sys.argv[1])\n"
        "try:\n    s.sendall(bytes.fromhex(sys.argv[2])); print(s.recv(100))\n"
        "except ConnectionError: print(b'')"
    )
    command = by_another_user(program, comparer.name, as_bytes(a_pair(1, b"1", b"2", endpoint="GET /forged")).hex())
    theirs = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    ours = comparer.worker().greeted().ask(a_pair(1, b"1", b"2", endpoint="GET /real"))
    seen = comparer.judged(lambda seen: "GET /real" in seen["pairs"])

    assert theirs.stdout == "b''\n"
    assert [one.said for one in ours] == [Said.DIVERGENT]
    assert "GET /forged" not in seen["pairs"]


def test_it_hears_only_its_link(comparer: Comparing) -> None:
    """
    Not what a terminal sends to the whole group.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
        os.kill(comparer.process.pid, number)

    assert len(comparer.worker().greeted().ask(a_pair(1, b"1", b" 1"))) == 1


def test_told_to_stop_it_has_a_last_word() -> None:
    """
    What it saw since the last second is not lost.
    """
    with comparing(TABLE) as comparer:
        worker = comparer.worker().greeted()
        worker.ask(*(a_pair(number, b"1", b"2") for number in range(10)))
        comparer.link.sendall(pack(Kind.STOP))

        assert sum(seen["pairs"].get(ENDPOINT, 0) for seen in comparer.last_words()) == 10
        assert comparer.ended() == 0


def test_without_its_supervisor_it_ends() -> None:
    """
    Nobody would ever end it.
    """
    with comparing(TABLE) as comparer:
        worker = comparer.worker().greeted()
        comparer.link.close()

        assert comparer.ended() == 0
        assert worker.hear() == []
