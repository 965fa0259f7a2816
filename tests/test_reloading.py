"""
Reading the configuration again: when, from what, and that it comes into force as a whole or not at all.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import trustme

from proxy import steering
from proxy.admin.steering import Invalid, NotLoaded, Outcome
from proxy.errors import ConfigurationError
from proxy.gates.events import event
from proxy.link.frames import Kind
from proxy.link.setup import Setup, Token, decode
from proxy.reloading import GONE, LARGEST, Showing, Watch, content_of, doubts, look, read, read_from, show
from proxy.routing.intent import Intent
from proxy.routing.table import Sticky, Table
from proxy.settings.load import load
from proxy.settings.setup import build_setup
from proxy.settings.table import build_table
from proxy.tasks import spawn
from tests.parts.payloads import a_new_table
from tests.parts.steered import OPS, FakeHub, Steered, a_setup, lines

OLD_URL = "old: {url: http://127.0.0.1:9001}\n"
MINIMUM = OLD_URL + "new: {url: http://127.0.0.1:9002}\n"
OTHER = OLD_URL + "new: {url: http://127.0.0.1:9003}\n"
BAD = OLD_URL + "new: {url: http://127.0.0.1:9002}\nwrokers: 2\n"


def started(
    folder: Path, text: str = MINIMUM, options: dict[tuple[str, ...], Any] | None = None
) -> tuple[Setup, Table]:
    """
    What `serve -c p.yaml` makes of a file with this text.
    """
    file = folder / "p.yaml"
    file.write_text(text)
    loaded = load(file, environment={}, options=options)
    setup = build_setup(loaded, file=file, options=options or {}, environment={})
    return setup, build_table(loaded.settings, loaded.folder, loaded.authorities)


def begin(folder: Path, **changes: Any) -> Steered:
    """
    Steering, started with that file.
    """
    setup, table = started(folder, **changes)
    return Steered(FakeHub(replace(table, epoch=7, weight=25.0)), setup)


@contextmanager
def watching(steered: Steered, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """
    With the file looked at all the time.
    """
    monkeypatch.setattr(steering, "LOOK_SECONDS", 0.02)
    task = spawn(steered.steering.watch(), name="watch")
    yield
    task.cancel()


# When


def shown(content: str) -> Showing:
    """
    A look that showed this of the configuration.
    """
    return Showing(content, "")


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ("AAAA", ""),
        ("AABBBB", "B"),
        ("ABABAB", ""),
        ("ABCCC", "C"),
        ("AABBAA", "BA"),
        ("AABBCCBB", "BCB"),
        ("BB", "B"),
    ],
)
def test_two_looks_that_agree_on_something_new_are_worth_reading(looks: str, expected: str) -> None:
    """
    A is in force, all else is refused. What was refused isn't read again before something else was seen.
    """
    watch = Watch()

    assert "".join(seen for seen in looks if watch.is_due(shown(seen), shown("A"))) == expected


def test_what_came_into_force_is_not_read_again() -> None:
    """
    Neither from the file nor when somebody else has had it read.
    """
    watch = Watch()
    assert [watch.is_due(shown("B"), shown("A")) for _ in range(2)] == [False, True]

    assert [watch.is_due(shown("B"), shown("B")) for _ in range(3)] == [False] * 3
    assert [watch.is_due(shown("C"), shown("C")) for _ in range(2)] == [False, True]
    assert [watch.is_due(shown("C"), shown("C")) for _ in range(2)] == [False] * 2


def test_a_look_goes_by_the_path(tmp_path: Path) -> None:
    """
    As Kubernetes swaps a ConfigMap: the file is a link through a folder that is a link.
    """
    for name, text in (("one", "1"), ("two", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "p.yaml").symlink_to("..data/p.yaml")
    assert look(str(tmp_path / "p.yaml")) == b"1"
    (tmp_path / "..new").symlink_to("two")
    (tmp_path / "..new").rename(tmp_path / "..data")

    assert look(str(tmp_path / "p.yaml")) == b"2"


def test_what_can_not_be_looked_at_twice_is_said(tmp_path: Path) -> None:
    """
    A pipe must not be waited for; what is gone may come back; nobody's configuration is that long.
    """
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "long").write_bytes(b"#" * (LARGEST + 1))

    assert look(str(tmp_path / "gone")) is None
    assert content_of(None) == GONE
    for name, said in (("pipe", "no regular file"), ("long", "longer than")):
        with pytest.raises(ConfigurationError, match=said):
            look(str(tmp_path / name))


# What


def test_a_file_is_read_as_it_was_at_the_start(tmp_path: Path) -> None:
    """
    With the options of the command line, which stay stronger.
    """
    options: dict[tuple[str, ...], Any] = {("new", "url"): "http://127.0.0.1:7777"}
    setup, table = started(tmp_path, options=options)
    configuration = read(setup, None)

    assert configuration is not None
    assert (configuration.setup, configuration.table) == (setup, table)
    assert configuration.table.sides[1].port == 7777


def test_a_file_that_has_changed_since_it_was_looked_at_is_left_for_the_next_look(tmp_path: Path) -> None:
    """
    Somebody is writing it.
    """
    setup, _ = started(tmp_path)

    assert read(setup, content_of(MINIMUM.encode())) is not None
    assert read(setup, content_of(BAD.encode())) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BAD, "p.yaml:3: wrokers: is no key that Parallax knows"),
        (MINIMUM + "listen: 127.0.0.1:1\n", "p.yaml: listen: 127.0.0.1:1 needs a restart, 127.0.0.1:8080 is in force"),
        (MINIMUM + "workers: 2\n", "p.yaml: workers: 2 needs a restart, 1 is in force"),
        (MINIMUM + "store: sqlite:///x.db\n", "needs a restart"),
        (MINIMUM + "drain: {delay: 1}\n", "drain.delay: 1 needs a restart, 5 is in force"),
    ],
)
def test_what_can_not_be_taken_over_is_said(tmp_path: Path, text: str, said: str) -> None:
    """
    With the place, the key and what would be right.
    """
    setup, _ = started(tmp_path)
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read(setup, None)

    assert said in str(caught.value)


def test_a_renewed_ca_file_is_another_configuration(tmp_path: Path) -> None:
    """
    Whoever asks for a reload gets its content, under the same name.
    """
    digests = []
    for _ in range(2):
        trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        setup, _ = started(tmp_path, OLD_URL + "new: {url: https://127.0.0.1:9002, tls: {ca: ca.pem}}\n")
        configuration = read(setup, None)
        assert configuration is not None
        digests.append(configuration.table.digest)

    assert digests[0] != digests[1]


def test_a_renewed_file_shows(tmp_path: Path) -> None:
    """
    By its content: a link that is swapped is followed, and one that is written again as it was is none. What is gone
    shows too; what can't be looked at doesn't.
    """
    for name in ("one", "two"):
        trustme.CA().cert_pem.write_to_path(str(tmp_path / f"{name}.pem"))
    link = tmp_path / "ca.pem"
    link.symlink_to(tmp_path / "one.pem")
    setup, _ = started(tmp_path, OLD_URL + "new: {url: https://127.0.0.1:9002, tls: {ca: ca.pem}}\n")
    assert show(setup) == read_from(setup)
    (tmp_path / "one.pem").write_bytes((tmp_path / "one.pem").read_bytes())
    assert show(setup) == read_from(setup)
    link.unlink()
    assert show(setup).files == GONE
    link.symlink_to(tmp_path / "two.pem")
    renewed = show(setup)
    assert renewed.content == read_from(setup).content
    assert renewed.files not in (GONE, read_from(setup).files)

    configuration = read(setup, renewed.content)
    assert configuration is not None
    assert read_from(configuration.setup) == renewed
    link.unlink()
    os.mkfifo(link)
    assert show(setup) == read_from(setup)


def test_a_large_file_shows_what_it_holds_too(tmp_path: Path) -> None:
    """
    Longer than any configuration, as lists of keys are; it is read again only when it isn't the one that it was.
    """
    (tmp_path / "keys.txt").write_bytes(b"a\n" * LARGEST)
    setup = a_setup(tmp_path, file=None, files=((str(tmp_path / "keys.txt"), "as it was"),))
    first, again = show(setup), show(setup)
    (tmp_path / "keys.txt").write_bytes(b"b\n" * LARGEST)

    assert first == again
    assert first.files == sha256(b"a\n" * LARGEST).hexdigest()
    assert show(setup).files == sha256(b"b\n" * LARGEST).hexdigest()
    (tmp_path / "keys.txt").unlink()
    assert show(setup).files == GONE


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    """
    As at the start.
    """
    setup, _ = started(tmp_path)
    (tmp_path / "p.yaml").unlink()
    with pytest.raises(ConfigurationError, match="can't be read"):
        read(setup, GONE)


def test_users_that_change_sides_are_worth_a_doubt() -> None:
    """
    Only while both sides answer.
    """
    before = a_new_table(weight=25.0)
    after = replace(before, sticky=Sticky(keys=("client",), salt="parallax"))

    assert doubts(before, before) == []
    assert "users change sides" in doubts(before, after)[0]
    assert doubts(replace(before, weight=0.0), replace(after, weight=0.0)) == []


# Into force


async def test_a_reload_changes_the_configuration_and_never_the_intent(tmp_path: Path) -> None:
    """
    The table goes out before the setup; the answer comes when all workers have it; both digests are in the audit.
    """
    steered = await begin(tmp_path).opened()
    before = steered.facts.table
    (tmp_path / "p.yaml").write_text(OTHER + "weights: {new: 90}\n")
    outcome = await steered.steering.reload(OPS, {"reason": "new moved"})
    await steered.opened()
    after = steered.facts.table

    assert outcome == Outcome()
    assert before is not None
    assert after is not None
    assert steered.hub.intent == Intent(epoch=7, new=25.0, mirror=100.0)
    assert (after.sides[1].port, before.sides[1].port) == (9003, 9002)
    assert steered.hub.kinds == [Kind.TABLE, Kind.SETUP]
    assert steered.hub.setup is not None
    assert decode(steered.hub.setup).new == 90.0
    assert lines(tmp_path / "var")[-1] == {
        "actor": "ops",
        "action": "reload",
        "epoch": 7,
        "after": {"digest": after.digest},
    }
    assert steered.events[-2:-1] == [("reload", {"ok": True, "error": None, "digest": after.digest})]
    (line,) = steered.log("reloaded")
    assert line["digest"] == after.digest != before.digest
    assert "`parallax weights set --new 90 --reason …`" in line["warnings"][0]
    assert steered.facts.expose().reload_successful
    assert steered.facts.expose().reloaded_at is not None


async def test_a_reload_leaves_events_armed(tmp_path: Path) -> None:
    """
    They are a plan's, and in no file.
    """
    steered = await begin(tmp_path).opened()
    steered.steering.arm(events := (event("mismatch"),))
    (tmp_path / "p.yaml").write_text(OTHER)
    await steered.steering.reload(OPS, {})

    assert [table.events for table in steered.hub.tables] == [events] * 2
    assert len({table.digest for table in steered.hub.tables}) == 2


async def test_tokens_and_names_need_no_restart(tmp_path: Path) -> None:
    """
    They are handed to the admin port, before anything else is changed.
    """
    steered = await begin(tmp_path).opened()
    token = "admin: {hosts: [p.example.com], tokens: [{name: a, role: viewer, sha256: '" + "0" * 64 + "'}]}\n"
    (tmp_path / "p.yaml").write_text(MINIMUM + token)
    await steered.steering.reload(OPS, {})
    (setup,) = steered.equipped

    assert setup.tokens == (Token(name="a", role="viewer", sha256="0" * 64),)
    assert setup.hosts == ("p.example.com",)


async def test_a_configuration_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    """
    By the reader or by the admin port; each time all problems are told, in the log, the metric, the warnings and the
    audit.
    """
    steered = await begin(tmp_path).opened()
    (tmp_path / "p.yaml").write_text(BAD + "listen: 5\n")
    with pytest.raises(NotLoaded) as caught:
        await steered.steering.reload(OPS, {})
    await steered.opened()

    assert [problem.split(": ")[1] for problem in caught.value.problems] == ["wrokers", "listen"]
    assert steered.hub.kinds == []
    assert steered.equipped == []
    assert lines(tmp_path / "var")[-1]["action"] == "refused"
    assert [len(line["problems"]) for line in steered.log("reload_refused")] == [2]
    assert not steered.facts.expose().reload_successful
    assert "(and 1 more)" in steered.facts.steered.troubles[0]

    (tmp_path / "p.yaml").write_text(MINIMUM)
    assert await steered.steering.reload(OPS, {}) == Outcome()
    assert steered.facts.expose().reload_successful
    assert steered.facts.steered.troubles == ()


async def test_a_certificate_that_can_not_be_used_refuses_the_whole(tmp_path: Path) -> None:
    """
    The admin port is asked first.
    """
    steered = await begin(tmp_path).opened()

    async def refuse(_setup: Setup) -> None:
        raise ConfigurationError("the key does not belong to the certificate")

    steered.steering._outside = replace(steered.steering._outside, equip=refuse)
    (tmp_path / "p.yaml").write_text(OTHER)
    with pytest.raises(NotLoaded, match="does not belong"):
        await steered.steering.reload(OPS, {})

    assert steered.hub.kinds == []


async def test_a_reload_takes_a_reason_and_nothing_else(tmp_path: Path) -> None:
    """
    The file is named once, at the start.
    """
    steered = await begin(tmp_path).opened()
    with pytest.raises(Invalid):
        await steered.steering.reload(OPS, {"file": "/etc/passwd"})


async def test_a_change_while_the_file_is_read_is_kept(tmp_path: Path) -> None:
    """
    The intent of a reload is that of the moment in which it comes into force.
    """
    steered = await begin(tmp_path).opened()
    (tmp_path / "p.yaml").write_text(OTHER)
    reloaded = spawn(steered.steering.reload(OPS, {}), name="reload")
    changed = [
        spawn(steered.steering.change(OPS, {"new": new, "reason": "why"}), name="change") for new in (30, 20, 40, 10)
    ]
    assert await reloaded == Outcome()
    await asyncio.gather(*changed, return_exceptions=True)
    await steered.opened()

    assert steered.facts.table is not None
    assert steered.facts.table.sides[1].port == 9003
    assert steered.facts.table.weight == steered.hub.intent.new
    epochs = [table.epoch for table in steered.hub.tables]
    assert epochs == sorted(epochs)
    assert {table.sides[1].port for table in steered.hub.tables if table.digest == steered.facts.table.digest} == {9003}


# By itself


async def test_a_changed_file_is_read_and_a_bad_one_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Swapped as Kubernetes does it, half of it, refused, and back to what is in force.
    """
    steered = await begin(tmp_path).opened()
    file, looks = tmp_path / "p.yaml", list[Setup]()

    def looking(setup: Setup) -> Showing:
        looks.append(setup)
        return show(setup)

    monkeypatch.setattr(steering, "show", looking)

    def swap(text: str) -> None:
        (tmp_path / "next").write_text(text)
        (tmp_path / "next").rename(file)

    with watching(steered, monkeypatch):
        swap(OTHER)
        await steered.until(lambda: len(steered.log("reloaded")) == 1)
        swap(BAD)
        await steered.until(lambda: len(steered.log("reload_refused")) == 1)
        enough = len(looks) + 5
        for _ in range(1000):
            if len(looks) < enough:
                await asyncio.sleep(0.01)
        assert len(looks) >= enough
        assert len(steered.log("reload_refused")) == 1
        swap(OTHER)
        await steered.until(lambda: len(steered.log("reloaded")) == 2)
        file.unlink()
        await steered.until(lambda: len(steered.log("reload_refused")) == 2)

    assert [line["by"] for line in steered.log("reloaded") + steered.log("reload_refused")] == ["file"] * 4
    # What was in force again needed no new table.
    assert [table.sides[1].port for table in steered.hub.tables] == [9003]


async def test_without_a_file_nothing_is_watched(tmp_path: Path) -> None:
    """
    And what can't be read twice is told once.
    """
    setup, table = started(tmp_path)
    alone = Steered(FakeHub(table), replace(setup, file=None))
    await asyncio.wait_for(alone.steering.watch(), 5)


async def test_a_pipe_is_not_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It was read once, at the start.
    """
    monkeypatch.setattr(steering, "LOOK_SECONDS", 0.02)
    setup, table = started(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    piped = Steered(FakeHub(table), replace(setup, file=str(tmp_path / "pipe")))
    await asyncio.wait_for(piped.steering.watch(), 5)

    assert "no regular file" in piped.log("configuration_unwatched")[0]["reason"]
    with pytest.raises(NotLoaded, match="no regular file"):
        await piped.steering.reload(OPS, {})


def test_a_folder_in_the_place_of_the_file_is_nothing_to_read(tmp_path: Path) -> None:
    """
    Somebody is moving things about; the file may be back at the next look, and no descriptor is left open for it.
    """
    before = len(list(Path("/proc/self/fd").iterdir()))

    assert look(str(tmp_path)) is None
    assert len(list(Path("/proc/self/fd").iterdir())) == before
