"""
Notices on their way: to real sockets, by our own hand and by Apprise's, whatever is there.
"""

import asyncio
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from proxy.notify.channel import REPEAT, Channel, Delivery, signature
from proxy.notify.post import Post
from tests.parts.mailbox import mailbox
from tests.parts.outside import Fault, Outside, outside
from tests.parts.told import a_notice

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """
    One that isn't patient.
    """
    return Post(tmp_path, seconds=1.0, apprise_seconds=20.0)


async def test_a_mail_arrives_as_plain_text(post: Post) -> None:
    """
    By the protocol of mail servers: its subject in one line, its lines where they were.
    """
    text = "Trigger: a < b & c.\n- one\n- two\n\nImpact: 2 % „x“"
    async with mailbox() as box:
        url = f"mailto://127.0.0.1:{box.port}?from=parallax@example.org&to=orders@example.org&mode=insecure"
        got = await post.deliver("mail", Channel(apprise=url), a_notice("n1", subject="Übel: rolling back", text=text))
        box.refuses = True
        again = await post.deliver("mail", Channel(apprise=url), a_notice("n1"))

    [mail] = box.mails
    assert got == Delivery(how="sent")
    assert (mail["Subject"], mail["To"], mail.get_content_type()) == (
        "Übel: rolling back",
        "orders@example.org",
        "text/plain",
    )
    assert mail.get_content().replace("\r\n", "\n").strip() == text
    assert again == Delivery(how="unknown", said="Apprise could not deliver it")


class Lines(logging.Handler):
    """
    Who logged something.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """
        Called by `logging`.
        """
        self.names.append(record.name)


def as_json(there: Outside, *, more: str = "") -> str:
    """
    The URL by which Apprise sends JSON there.
    """
    return f"json://{there.url.removeprefix('http://')}/hook{more}"


async def test_a_webhook_gets_the_notice_with_its_number_and_a_signature(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Its secrets come from where they are.
    """
    monkeypatch.setenv("HOOK_SECRET", "shared")
    (tmp_path / "token").write_text("Bearer abc")
    async with outside() as there:
        channel = Channel(
            webhook=f"{there.url}/hook", headers={"Authorization": "file:token"}, secret="env:HOOK_SECRET"
        )
        got = await post.deliver("ops", channel, a_notice("n1"))

    [asked] = there.asked
    assert got == Delivery(how="sent")
    assert asked.path == "/hook"
    assert asked.headers["Idempotency-Key"] == "n1"
    assert asked.headers["Authorization"] == "Bearer abc"
    assert asked.headers["X-Parallax-Signature"] == signature("shared", asked.body)
    assert asked.json["id"] == "n1"
    assert REPEAT not in asked.json["text"]


@pytest.mark.parametrize(
    ("does", "how", "said"),
    [
        (200, "sent", ""),
        (204, "sent", ""),
        ("hang_in_body", "sent", ""),
        ("flood", "sent", ""),
        (302, "refused", "it answered 302"),
        (404, "refused", "it answered 404"),
        (500, "refused", "it answered 500"),
        ("hang", "unknown", "no answer within 1 s"),
        ("reset", "unknown", "it closed the connection without an answer"),
        ("garbage", "unknown", "what it answered is no HTTP"),
    ],
)
async def test_what_it_answers_says_whether_it_has_it(post: Post, does: Fault | int, how: str, said: str) -> None:
    """
    A status is enough; without one nobody knows.
    """
    async with outside(does) as there:
        got = await post.deliver("ops", Channel(webhook=there.url), a_notice("n1"))

    assert (got.how, got.said) == (how, said)
    assert len(there.asked) == 1


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (Channel(webhook="http://127.0.0.1:1/secret"), "connection refused"),
        (
            Channel(webhook="file:gone"),
            "file:gone: can't be read (no such file or directory); write the path of a file",
        ),
        (
            Channel(webhook="http://127.0.0.1:1/", secret="env:GONE"),
            "env:GONE: there is no such environment variable; set it for parallax serve",
        ),
        (Channel(webhook="secret://x"), "its address is no http or https URL"),
        (Channel(apprise="secret://x"), "Apprise does not know what to do with its URL"),
        (Channel(apprise="env:GONE"), "env:GONE: there is no such environment variable; set it for parallax serve"),
        (Channel(), "the channel has neither a webhook nor an Apprise URL"),
    ],
)
async def test_what_surely_did_not_arrive_is_refused(post: Post, channel: Channel, said: str) -> None:
    """
    The reason names no address.
    """
    assert await post.deliver("ops", channel, a_notice("n1")) == Delivery(how="refused", said=said)


async def test_apprise_takes_a_notice_too(post: Post, tmp_path: Path) -> None:
    """
    Subject and text; its URL may be in a file. A repeat says so in its words, since there is no number. The receiver is
    on our own event loop: if Apprise, which blocks, were on it too, nothing would ever come.
    """
    async with outside() as there:
        (tmp_path / "url").write_text(as_json(there))
        channel = Channel(apprise="file:url")
        first = await post.deliver("ops", channel, a_notice("n1"))
        again = await post.deliver("ops", channel, a_notice("n1", doubtful=True))

    assert (first.how, again.how) == ("sent", "sent")
    assert [asked.path for asked in there.asked] == ["/hook", "/hook"]
    assert there.asked[0].json["title"] == "orders-v2: rolling back"
    assert there.asked[0].json["message"] == "Trigger: guard bad-answers."
    assert there.asked[1].json["message"] == f"Trigger: guard bad-answers.\n\n{REPEAT}"


async def test_text_arrives_as_it_is(post: Post) -> None:
    """
    Apprise makes no markup of it.
    """
    text = "new < old & *slow*\n\n- a_b_c: 2.6 %, „quoted“"
    async with outside() as there:
        await post.deliver("ops", Channel(apprise=as_json(there)), a_notice("n1", text=text))

    assert there.asked[0].json["message"] == text


@pytest.mark.parametrize(
    ("does", "how", "said"),
    [
        (403, "refused", "it answered 403"),
        (500, "refused", "it answered 500"),
        ("reset", "unknown", "Apprise could not deliver it"),
    ],
)
async def test_apprise_says_little_of_why_it_could_not(post: Post, does: Fault | int, how: str, said: str) -> None:
    """
    Nothing of what it logs goes to our log: it names hosts.
    """
    ours = Lines()
    logging.getLogger().addHandler(ours)
    async with outside(does) as there:
        got = await post.deliver("ops", Channel(apprise=as_json(there)), a_notice("n1"))
    logging.getLogger().removeHandler(ours)

    assert (got.how, got.said) == (how, said)
    assert ours.names.count("apprise") == 0


async def test_an_attempt_by_apprise_that_hangs_is_given_up(tmp_path: Path) -> None:
    """
    And no other is begun beside it: threads can't be ended. Afterwards the next one is.
    """
    post = Post(tmp_path, apprise_seconds=1.0)
    async with outside("hang") as there:
        channel = Channel(apprise=as_json(there, more="?rto=600"))
        first = await post.deliver("ops", channel, a_notice("n1"))
        second = await post.deliver("ops", channel, a_notice("n1"))
        there.does = 200
        other = await post.deliver("status", channel, a_notice("n2"))
    for thread in threading.enumerate():
        if thread.name == "apprise":
            await asyncio.to_thread(thread.join)
    async with outside() as there:
        third = await post.deliver("ops", Channel(apprise=as_json(there)), a_notice("n1"))

    assert first == Delivery(how="unknown", said="Apprise was not done within 1 s")
    assert second == Delivery(how="refused", said="an attempt before this one still hangs")
    assert (other.how, third.how) == ("sent", "sent")


def test_apprise_is_imported_when_a_notice_goes_there_and_not_before() -> None:
    """
    Control's start doesn't wait for it.
    """
    program = "import sys, proxy.control, proxy.notifying; print('apprise' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)

    assert ran.stdout == "False\n"
