"""
The judging table in force: what is configured and what was learned, put together, with a version that only grows.
"""

import pytest

from proxy.admin.facts import Facts
from proxy.compare.difference import Kind as Difference
from proxy.compare.judging import Accepted, JudgingTable, Noisy, decode, encode
from proxy.compare.redaction import Redaction
from proxy.compare.rules import Rule
from proxy.link.frames import Kind
from proxy.rulebook import Rulebook

NOISE = (Noisy(endpoint="GET /a", pattern="$.at", kind=Difference.VALUE),)
ACCEPTED = (Accepted(endpoint="GET /a", parts=(("$.b", Difference.TYPE),)),)


class Desk:
    """
    A rulebook, and what the supervisor was sent.
    """

    def __init__(self, table: JudgingTable | None = None) -> None:
        self.facts = Facts({})
        if table is not None:
            self.facts.take_judging(encode(table))
        self.sent: list[JudgingTable] = []
        self.book = Rulebook(self.facts, self._send)

    def _send(self, kind: Kind, payload: bytes) -> None:
        assert kind is Kind.JUDGING
        self.sent.append(decode(payload))


def test_a_change_is_sent_with_the_next_version_and_in_force_at_once() -> None:
    """
    Each builds on the one before.
    """
    desk = Desk(JudgingTable(version=7))
    desk.book.change(noise=NOISE)
    desk.book.change(waived=frozenset({"5edc9415ac05fbe4"}))

    assert [table.version for table in desk.sent] == [8, 9]
    assert desk.book.table == desk.sent[-1] == desk.facts.judging
    assert desk.book.table.noise == NOISE


@pytest.mark.parametrize("table", [None, JudgingTable(version=3, noise=NOISE)])
def test_what_changes_nothing_is_not_sent(table: JudgingTable | None) -> None:
    """
    Comparers would forget what they have compiled, and pairs would seem to be judged by something else.
    """
    desk = Desk(table)
    desk.book.change(noise=desk.book.table.noise)
    desk.book.follow(desk.book.table)

    assert desk.sent == []


def test_another_configuration_keeps_what_was_learned_and_accepted_and_the_salt() -> None:
    """
    With another salt, digests that were told before would mean nothing.
    """
    known = JudgingTable(
        version=4,
        rules=(Rule(does="ignore", where="$.old"),),
        noise=NOISE,
        waived=frozenset({"5edc9415ac05fbe4"}),
        accepted=ACCEPTED,
        redact=Redaction(salt="00ff"),
    )
    desk = Desk(known)
    rules = (Rule(does="ignore", where="$.a"),)
    desk.book.follow(JudgingTable(version=1, rules=rules, redact=Redaction(headers=("x-user",)), max_seconds=0.5))
    [sent] = desk.sent

    assert sent.version == 5
    assert (sent.rules, sent.max_seconds) == (rules, 0.5)
    assert (sent.noise, sent.waived, sent.accepted) == (known.noise, known.waived, known.accepted)
    assert sent.redact == Redaction(headers=("x-user",), salt="00ff")
