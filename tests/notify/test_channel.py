"""
What a webhook gets, what people read, and how a receiver knows that it is ours.
"""

import hashlib
import hmac
import json

from proxy.notify.channel import REPEAT, Channel, as_body, as_text, signature
from tests.parts.told import a_notice


def test_a_webhook_gets_words_and_facts() -> None:
    """
    The same bytes at each attempt: what changes from one to the next isn't in them.
    """
    first = as_body(a_notice("n1"))

    assert as_body(a_notice("n1", attempts=3, doubtful=True, said="it answered 500")) == first
    assert json.loads(first) == {
        "id": "n1",
        "event": "rollback",
        "audience": "engineers",
        "plan": "orders-v2",
        "stage": "live-10",
        "subject": "orders-v2: rolling back",
        "text": "Trigger: guard bad-answers.",
        "data": {"weight": 1.0},
    }


def test_people_are_told_that_they_may_have_read_it() -> None:
    """
    They know no numbers of notices.
    """
    assert as_text(a_notice("n1")) == "Trigger: guard bad-answers."
    assert as_text(a_notice("n1", doubtful=True)) == f"Trigger: guard bad-answers.\n\n{REPEAT}"


def test_who_knows_the_secret_can_tell_that_it_is_ours() -> None:
    """
    As with webhooks of many services: HMAC-SHA256 of the body.
    """
    expected = hmac.new(b"secret", b"body", hashlib.sha256).hexdigest()

    assert signature("secret", b"body") == f"sha256={expected}"
    assert signature("other", b"body") != signature("secret", b"body")


def test_a_channel_shows_nothing_of_itself() -> None:
    """
    Addresses of chats are secrets.
    """
    channel = Channel(apprise="slack://token", webhook="http://a/secret", headers={"x": "secret"}, secret="secret")

    assert repr(channel) == "Channel()"
