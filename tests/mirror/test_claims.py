"""
Claims of one worker: each is answered once, in time or as unanswered.
"""

from proxy.mirror.claims import FIRST, REPEATED, SECONDS, UNANSWERED, Claims

ONE, OTHER = bytes(16), bytes([1]) * 16


class Copy:
    """
    A copy that remembers what it was told.
    """

    def __init__(self) -> None:
        self.outcomes: list[int] = []

    def granted(self, outcome: int) -> None:
        """
        As `Claimant.granted`.
        """
        self.outcomes.append(outcome)


def claims() -> tuple[Claims, list[bytes]]:
    """
    With a supervisor that says nothing by itself.
    """
    sent: list[bytes] = []
    made = Claims()

    def send(digest: bytes) -> bool:
        sent.append(digest)
        return True

    made.send = send
    return made, sent


def test_answers_go_to_whoever_asked() -> None:
    """
    In whatever order they come; twice the same is nobody's.
    """
    made, sent = claims()
    one, other = Copy(), Copy()
    made.ask(ONE, one, 0.0)
    made.ask(OTHER, other, 0.0)
    for answer in (OTHER + b"\0", ONE + b"\1", ONE + b"\1", b""):
        made.answered(answer)

    assert sent == [ONE, OTHER]
    assert (one.outcomes, other.outcomes) == ([FIRST], [REPEATED])


def test_a_key_that_is_asked_for_is_not_asked_for_again() -> None:
    """
    The second is a repetition, whatever becomes of the first.
    """
    made, sent = claims()
    one, other = Copy(), Copy()
    made.ask(ONE, one, 0.0)
    made.ask(ONE, other, 0.0)

    assert (sent, one.outcomes, other.outcomes) == ([ONE], [], [REPEATED])


def test_nobody_waits_for_long() -> None:
    """
    Each for its own time; an answer that comes later is nobody's.
    """
    made, _ = claims()
    one, other = Copy(), Copy()
    made.ask(ONE, one, 10.0)
    made.ask(OTHER, other, 11.0)
    made.tick(10.0 + SECONDS)
    made.answered(ONE + b"\1")
    assert (one.outcomes, other.outcomes) == ([UNANSWERED], [])
    made.tick(11.0 + SECONDS)

    assert other.outcomes == [UNANSWERED]


def test_who_gave_up_is_not_told() -> None:
    """
    And somebody else's claim to the key stays.
    """
    made, sent = claims()
    one, other = Copy(), Copy()
    made.ask(ONE, one, 0.0)
    made.forget(ONE, other)
    made.forget(OTHER, one)
    made.forget(ONE, one)
    made.answered(ONE + b"\1")
    made.ask(ONE, other, 0.0)
    made.forget(ONE, one)
    made.answered(ONE + b"\0")

    assert (sent, one.outcomes, other.outcomes) == ([ONE, ONE], [], [REPEATED])


def test_without_a_link_there_is_an_answer_at_once() -> None:
    """
    As before a worker has one.
    """
    one = Copy()
    Claims().ask(ONE, one, 0.0)

    assert one.outcomes == [UNANSWERED]
