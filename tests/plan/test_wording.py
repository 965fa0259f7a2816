"""
What is said to whom: every event has words for every audience, whatever is known.
"""

import math
from pathlib import Path
from typing import Any, get_args

import pytest

from proxy.plan import wording
from proxy.plan.people import Audience, EventName
from proxy.plan.wording import (
    AUDIENCES,
    EVENTS,
    EXAMPLE,
    FACTS,
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    STATUS,
    check_wording,
    percent,
    render_notice,
)

EVERY = [(event, audience) for event in EVENTS for audience in AUDIENCES]
LEAST = {"plan": "orders-v2", "stage": "live-10"}


def test_every_event_and_audience_of_a_plan_has_words() -> None:
    """
    And a test of a channel, which no plan orders by itself.
    """
    assert set(EVENTS) == {*get_args(EventName), "test"}
    assert set(AUDIENCES) == set(get_args(Audience))
    assert set(EXAMPLE) == set(FACTS)


@pytest.mark.parametrize(("event", "audience"), EVERY)
@pytest.mark.parametrize("facts", [LEAST, EXAMPLE], ids=["least", "all"])
def test_a_notice_says_what_everybody_wants_to_know(event: str, audience: str, facts: dict[str, Any]) -> None:
    """
    What happens, what that does to users, when they hear again; and nothing of how templates are written.
    """
    subject, text = render_notice(event, audience, facts)
    happens, _, rest = text.partition("\n\nImpact: ")

    assert facts.get("title", facts["plan"]) in subject
    assert happens.endswith((".", ":", ")")) or "\n- " in happens
    assert "\nWhat users may notice: " in rest
    assert "\nNext update: " in rest
    assert ("\nContact: " in rest) == ("contact" in facts)
    assert not {"{", "}"} & set(subject + text.replace("/orders/{id}", ""))
    assert "None" not in text
    assert "  " not in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize("event", EVENTS)
def test_a_status_page_speaks_its_own_words(event: str) -> None:
    """
    Its readers are customers: they know no stages, guards or names of people.
    """
    subject, text = render_notice(event, "status", EXAMPLE)

    assert subject == f"{STATUS[event]}: Orders"
    assert not {"live-10", "alice", "guard", "orders-v2"} & set(text.replace(".", " ").split())
    assert "https://" not in text


def test_a_rollback_says_why_how_bad_and_where_to_look() -> None:
    """
    To engineers all of it: trigger, numbers, signatures, users, addresses.
    """
    subject, text = render_notice("rollback", "engineers", EXAMPLE)

    assert subject == "Orders: rolling back from live-10 to live-1"
    for fact in ("trigger", "when", "impact", "next_update", "contact"):
        assert EXAMPLE[fact] in text
    for said in (*EXAMPLE["numbers"], *EXAMPLE["signatures"], *EXAMPLE["links"].values()):
        assert said in text
    assert "Users exposed: 3." in text
    assert "New answers 1 % of requests from now on; it was 10 %." in text


@pytest.mark.parametrize(
    ("exposed", "said"),
    [
        (0.3, "About 1 user may have been affected."),
        (3.1, "About 4 users may have been affected."),
        (0.0, "About 0 users may have been affected."),
        (None, ""),
    ],
)
def test_people_are_whole(exposed: float | None, said: str) -> None:
    """
    How many were exposed is an estimate, and may not be known.
    """
    _, text = render_notice("rollback", "executive", {**LEAST, "users_exposed": exposed})

    assert said in text
    assert ("affected" in text) == bool(said)


def test_a_rollback_that_somebody_orders_accuses_nobody() -> None:
    """
    What made them do it is no guard.
    """
    for why in ("reason", "trigger"):
        _, text = render_notice("rollback", "stakeholders", {**LEAST, "by": "alice", why: "the sale begins"})
        assert text.startswith("The migration goes back, by alice: the sale begins.")


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("{{ plan }} is back\n\nAt {{ weight | percent }}.", ("orders-v2 is back", "At 1 %.")),
        (
            '{% extends "rollback.j2" %}{% block engineers %}Call {{ contact }}.{% endblock %}',
            ("Orders: rolling back from live-10 to live-1", "Call payments-platform, +49 30 1234."),
        ),
    ],
)
def test_a_plan_may_have_words_of_its_own(own: str, expected: tuple[str, str]) -> None:
    """
    All of them, or some within those that are built in.
    """
    subject, text = render_notice("rollback", "engineers", EXAMPLE, own)

    assert (subject, text.splitlines()[0]) == expected
    check_wording(own, "rollback")


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ("{{ plan }\n\ntext", "line 1: unexpected '}'"),
        ("{{ plan }}\n\n{{ nobody_knows }}", "'nobody_knows' is undefined"),
        ("\n\n", "its first line, the subject, is empty"),
        ("{{ ''.__class__.__mro__ }}\n\na", "access to attribute '__class__' of 'str' object is unsafe."),
        ('{% include "/etc/passwd" %}', "'/etc/passwd' not found in search path: 'templates'"),
        ("{{ range(10 ** 7) | list }}", "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000)."),
        ("a {{ 1 // 0 }}", "integer division or modulo by zero"),
        ("{{ links.popitem() }}", "access to attribute 'popitem' of 'dict' object is unsafe."),
    ],
)
def test_words_that_cannot_be_used_are_in_the_way_of_no_notice(own: str, why: str) -> None:
    """
    The built-in ones are said instead, and why; and whoever checks the plan hears of it before.
    """
    built_in = render_notice("rollback", "engineers", EXAMPLE)
    subject, text = render_notice("rollback", "engineers", EXAMPLE, own)

    assert subject == built_in[0]
    assert text.startswith(built_in[1])
    assert "(The plan's own template for rollback can't be used: " in text
    assert why.split("'", maxsplit=1)[0] in text
    with pytest.raises(ValueError, match="it can't be used for engineers: "):
        check_wording(own, "rollback")


def test_facts_that_are_not_known_are_left_out_by_a_check_too() -> None:
    """
    A template that works only when everything is known fails when a rollback is ordered by hand.
    """
    with pytest.raises(ValueError, match="it can't be used for engineers: "):
        check_wording("a {{ signatures[0] }}", "rollback")


def test_a_subject_is_one_line_and_nothing_is_endless() -> None:
    """
    It becomes a header of a mail.
    """
    facts = {**LEAST, "title": "a\r\nBcc: evil@example.org\x00" + "x" * 1000, "reason": "y" * 100_000}
    subject, text = render_notice("hold", "engineers", facts)

    assert subject.startswith("a Bcc: evil@example.org x")
    assert len(subject) == LONGEST_SUBJECT
    assert len(text) == LONGEST_TEXT


def test_nothing_is_escaped() -> None:
    """
    These are no web pages.
    """
    _, text = render_notice("hold", "engineers", {**LEAST, "reason": "new < old & 'slow'"})

    assert "new < old & 'slow'" in text


def test_facts_of_another_kind_are_said_as_they_are() -> None:
    """
    That is a mistake of ours, and still better told than not.
    """
    subject, text = render_notice("rollback", "engineers", {**LEAST, "weight": "ten"})

    assert subject == "orders-v2: rollback"
    assert "stage: live-10\nweight: ten" in text


@pytest.mark.parametrize(
    ("value", "said"), [(0.0, "0 %"), (100.0, "100 %"), (10, "10 %"), (0.25, "0.25 %"), (12.5, "12.5 %")]
)
def test_shares_are_read_easily(value: float, said: str) -> None:
    """
    Without zeros that say nothing.
    """
    assert percent(value) == said
    assert percent(math.nan) == "nan %"


def test_templates_are_part_of_the_package() -> None:
    """
    One for each event, and what they have in common.
    """
    folder = Path(wording.__file__).parent / "templates"

    assert {path.stem for path in folder.glob("*.j2")} == {*EVENTS, "notice"}
