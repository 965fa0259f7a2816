"""
What the page on notices names is what there is: channels, events, audiences, facts.
"""

import hashlib
import hmac
import re
from pathlib import Path

from proxy.notify.channel import signature
from proxy.plan.parse import read_plan
from proxy.plan.wording import AUDIENCES, EXAMPLE, FACTS, STATUS, check_wording, render_notice

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/notices.md").read_text()


def rows(head: str) -> list[list[str]]:
    """
    The cells of the table with this head.
    """
    table = PAGE.partition(f"{head}\n")[2].partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table]


def test_the_example_is_what_a_plan_may_say() -> None:
    """
    All of `comms`.
    """
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    plan = read_plan((ROOT / "config/plans/minimal.yaml").read_text() + example, "plan.yaml")

    assert set(AUDIENCES) == {channel.audience for channel in plan.comms.channels.values()}
    assert set(plan.comms.tell) <= set(STATUS)


def test_apprise_knows_every_url() -> None:
    """
    By its kind.
    """
    import apprise

    made = {to: apprise.Apprise.instantiate(url.strip("`")) for to, url in rows("| to | as `apprise` |")}

    assert {to: type(one).__name__ for to, one in made.items()} == {
        "Slack": "NotifySlack",
        "e-mail": "NotifyEmail",
        "Teams": "NotifyWorkflows",
        "a program that takes JSON": "NotifyJSON",
    }


def test_events_and_audiences_are_all_there_are() -> None:
    """
    With the word of the status page.
    """
    events = {event.strip("`"): status for event, _, status in rows("| event | when | status page |")}

    assert events == STATUS
    assert [audience.strip("`") for audience, _ in rows("| audience | reads |")] == list(AUDIENCES)


def test_facts_are_all_there_are() -> None:
    """
    And no other.
    """
    named = {name for cell, _ in rows("| fact | is |") for name in re.findall(r"`(\w+)`", cell)}

    assert named == {*FACTS, "event", "audience", "status"}


def test_the_template_can_be_used() -> None:
    """
    And has the blocks that are named.
    """
    [template] = re.findall(r"```jinja\n(.*?)```", PAGE, re.DOTALL)
    check_wording(template, "rollback")
    _, text = render_notice("rollback", "engineers", EXAMPLE, template)
    blocks = re.findall(r"`(\w+)`", PAGE.partition("Blocks are ")[2].partition(". A\n")[0])

    assert text.startswith("guard bad-answers tripped at 2027-03-02 10:04 CET. Join the call")
    for block in blocks:
        own = f'{{% extends "rollback.j2" %}}{{% block {block} %}}these words{{% endblock %}}'
        said = ["\n".join(render_notice("rollback", audience, EXAMPLE, own)) for audience in AUDIENCES]
        assert any("these words" in one for one in said), block


def test_receivers_can_check_the_signature_as_it_is_shown() -> None:
    """
    With the standard library.
    """
    assert 'expected = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()' in PAGE
    assert signature("s", b"b") == "sha256=" + hmac.new(b"s", b"b", hashlib.sha256).hexdigest()
