"""
The commands that talk to a running Parallax: what they ask it, what they say, and their exit codes.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from proxy.cli import main
from proxy.remote import latch
from proxy.settings.access import parse_tokens
from tests.parts.admin import WEIGHTS, Admin, admin, ready
from tests.parts.registered import TOKEN, held, private, registered

MINIMUM = """\
admin: {listen: 127.0.0.1:1}
health: {listen: 127.0.0.1:2}
old: {url: http://127.0.0.1:9001}
new: {url: http://127.0.0.1:9002}
"""

CHANGED: dict[str, Any] = {**WEIGHTS, "new": 25.0, "old": 75.0, "epoch": 4, "warnings": []}
ENTRY = {"at": "2026-01-01T00:00:00.000Z", "actor": "ops", "action": "kill", "reason": "why", "before": None}


@pytest.fixture
def port() -> Iterator[Admin]:
    """
    An admin port that takes every call.
    """
    answers = {
        **ready(),
        "PUT /admin/weights": (200, CHANGED),
        "POST /admin/kill": (200, {**WEIGHTS, "killed": True}),
        "POST /admin/restore": (200, CHANGED),
        "POST /admin/reload": (200, CHANGED),
        "GET /admin/audit?limit=20": (200, {"entries": [ENTRY]}),
    }
    with admin(answers) as found:
        yield found


@contextmanager
def deaf() -> Iterator[int]:
    """
    A process that no SIGUSR1 does anything to.
    """
    program = "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


def run(port: Admin | None, *words: str, **environment: str | None) -> Result:
    """
    One command for the Parallax at `port`, as its operator.
    """
    told = {} if port is None else {"PARALLAX_ADMIN_URL": port.url, "PARALLAX_ADMIN_TOKEN": TOKEN}
    # Nothing that happens to run on this machine is meant.
    alone = {"PARALLAX_RUNTIME_DIR": "/nowhere"}
    return CliRunner().invoke(main, words, env={**alone, **told, **environment}, prog_name="parallax")


def test_status_says_who_answers_whom(port: Admin) -> None:
    """
    For people and for scripts; ready is exit code 0.
    """
    people, scripts = run(port, "status"), run(port, "status", "--json")

    assert people.exit_code == scripts.exit_code == 0
    assert people.output.startswith("ready\nold answers 90 % of requests, new 10 %\n")
    assert json.loads(scripts.output) == {"ready": True, "reason": "", "weights": WEIGHTS, "killed": False}


def test_status_of_nobody_is_exit_code_1() -> None:
    """
    The answer is no, in a sentence; a URL that is none is bad usage.
    """
    result = run(None, "status", "--admin", "http://127.0.0.1:1")

    assert result.exit_code == 1
    assert result.output.startswith("not ready: nothing answers at http://127.0.0.1:1 (")
    assert run(None, "status", "--admin", "here").exit_code == 2


@pytest.mark.parametrize("words", [("weights",), ("weights", "get")])
def test_weights_alone_shows_them(words: tuple[str, ...], port: Admin) -> None:
    """
    The commonest question has the shortest form.
    """
    people, scripts = run(port, *words), run(port, *words, "--json")

    assert people.output.startswith("old answers 90 % of requests, new 10 %\n")
    assert json.loads(scripts.output) == WEIGHTS


def test_weights_set_says_what_was_and_what_is(port: Admin) -> None:
    """
    It sends what was given, and nothing that wasn't.
    """
    result = run(port, "weights", "set", "--new", "25", "--reason", "first users")

    assert result.exit_code == 0
    assert result.output == "new 10 % → 25 % (epoch 3 → 4)\nin every worker (1)\n"
    assert port.calls() == ["GET /admin/weights", "PUT /admin/weights"]
    assert port.asked[1].body == {"new": 25.0, "reason": "first users"}
    assert port.asked[1].headers["Authorization"] == f"Bearer {TOKEN}"


def test_weights_set_takes_mirror_and_epoch_too(port: Admin) -> None:
    """
    And tells scripts both states.
    """
    words = ("weights", "set", "--new", "0.25%", "--mirror", "50", "--epoch", "3", "--reason", "x", "--json")
    result = run(port, *words)

    assert port.asked[1].body == {"new": 0.25, "mirror": 50.0, "epoch": 3, "reason": "x"}
    assert json.loads(result.output) == {"before": WEIGHTS, "after": CHANGED}


@pytest.mark.parametrize("value", ["101", "-1", "1.005", "nan", "inf", "half", ""])
def test_what_is_no_share_is_bad_usage(value: str, port: Admin) -> None:
    """
    Before anything is asked.
    """
    result = run(port, "weights", "set", "--new", value, "--reason", "x")

    assert result.exit_code == 2
    assert "is no share; write 0 to 100, with two decimals at most" in result.output
    assert port.asked == []


@pytest.mark.parametrize(
    ("status", "code"), [(401, 1), (403, 1), (409, 1), (422, 2), (429, 1), (503, 1), (507, 1)]
)  # fmt: skip
def test_a_refusal_is_told_on_stderr(status: int, code: int, port: Admin) -> None:
    """
    A value that can't be is bad usage; everything else is a no.
    """
    port.answers["PUT /admin/weights"] = (status, {"error": "not like this"})
    result = run(port, "weights", "set", "--new", "25", "--reason", "x")

    assert result.exit_code == code
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


def test_mirror_set_changes_only_the_copies(port: Admin) -> None:
    """
    New's share isn't sent.
    """
    port.answers["PUT /admin/weights"] = (200, {**WEIGHTS, "mirror": 10.0, "epoch": 4, "warnings": []})
    result = run(port, "mirror", "set", "--percent", "10", "--reason", "short of disk")

    assert result.output == "mirror 100 % → 10 % (epoch 3 → 4)\nin every worker (1)\n"
    assert port.asked[1].body == {"mirror": 10.0, "reason": "short of disk"}


def test_kill_needs_no_more_than_its_name(port: Admin) -> None:
    """
    Whoever carries a pager types nothing else.
    """
    result = run(port, "kill")

    assert result.exit_code == 0
    assert result.stderr == "one worker lags (warning)\n"
    assert result.stdout == (
        f"killed {port.url}: everything goes to old and nothing is copied, in every worker (1)\n"
        'back again: parallax restore --reason "…"\n'
    )
    assert port.asked[0].body == {"reason": "no reason given"}


def test_kill_tells_scripts_which_way_worked(port: Admin) -> None:
    """
    And that it was seen to.
    """
    result = run(port, "kill", "--reason", "x" * 600, "--json")
    told = json.loads(result.stdout)

    assert (told["killed"], told["way"], told["seen"]) == (True, "api", True)
    assert port.asked[0].body == {"reason": "x" * 500}


def test_kill_of_nobody_is_exit_code_1() -> None:
    """
    With what would help.
    """
    result = run(None, "kill", "--admin", "http://127.0.0.1:1")

    assert result.exit_code == 1
    assert "name its kill file with --kill-file PATH" in result.stdout
    assert result.stderr.startswith("the API: nothing answers at http://127.0.0.1:1 (")


def test_ctrl_c_in_a_kill_that_hangs_says_where_it_stands() -> None:
    """
    Neither killed nor not killed: what was begun may be carried out yet.
    """
    hangs = threading.Event()
    with admin({**ready(), "POST /admin/kill": hangs.set}) as port:
        environment = {**os.environ, "PARALLAX_RUNTIME_DIR": "/nowhere", "PARALLAX_ADMIN_TOKEN": TOKEN}
        command = [sys.executable, "-m", "proxy", "kill", "--admin", port.url]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert hangs.wait(30.0)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30.0)

    assert process.returncode == 1
    assert out == b""
    assert err.decode().endswith(
        "given up: not seen to be killed, and what was begun may kill yet; `parallax status` tells\n"
    )


def test_the_way_back_is_printed_as_it_has_to_be_typed(port: Admin, tmp_path: Path) -> None:
    """
    With the address and the token's file that this command was given.
    """
    file = private(tmp_path / "a token", TOKEN)
    told = run(None, "kill", "--admin", port.url, "--token-file", str(file))

    assert told.stdout.endswith(
        f"back again: parallax restore --admin {port.url} --token-file '{file}' --reason \"…\"\n"
    )


def test_a_kill_that_cannot_be_told_is_one_all_the_same(port: Admin) -> None:
    """
    Somebody's disk is full: whether it was killed is what the exit code says, and what was done is on stderr.
    """
    environment = {**os.environ, "PARALLAX_RUNTIME_DIR": "/nowhere", "PARALLAX_ADMIN_TOKEN": TOKEN}
    command = [sys.executable, "-m", "proxy", "kill", "--admin", port.url]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False
        )

    assert ran.returncode == 0
    assert f"killed {port.url}: everything goes to old" in ran.stderr
    assert ran.stderr.endswith("(the output can't be written: no space left on device)\n")


def test_restore_says_what_is_in_force_again(port: Admin) -> None:
    """
    And wants a reason: it moves traffic back to new.
    """
    port.answers.update(ready({**WEIGHTS, "killed": True}))
    result = run(port, "restore", "--reason", "orders are found again")

    assert result.exit_code == 0
    assert result.output.startswith("restored in every worker (1)\nold answers 75 % of requests, new 25 %\n")
    assert port.asked[1].body == {"reason": "orders are found again"}
    assert run(port, "restore").exit_code == 2


def test_restoring_what_was_not_killed_says_so(port: Admin) -> None:
    """
    Nobody should believe that something has come back.
    """
    result = run(port, "restore", "--reason", "x")

    assert result.exit_code == 0
    assert result.output.startswith("it was not killed, so nothing changes\n")


def test_reload_and_audit(port: Admin) -> None:
    """
    The rest of what operators ask.
    """
    assert run(port, "reload").output == "reloaded in every worker (1)\n"
    assert run(port, "audit").output == "2026-01-01T00:00:00.000Z  ops  kill    why\n"
    assert json.loads(run(port, "audit", "--json").output) == {"entries": [ENTRY]}


@pytest.mark.parametrize(("intact", "code"), [(True, 0), (None, 0), (False, 1)])
def test_an_audit_that_somebody_changed_is_told(intact: bool | None, code: int, port: Admin) -> None:
    """
    Also to scripts that only look at the exit code.
    """
    port.answers["GET /admin/audit?limit=20"] = (200, {"entries": [ENTRY], "intact": intact})
    result = run(port, "audit")

    assert result.exit_code == code
    assert ("was changed by somebody else" in result.stderr) == (code == 1)


def test_a_parallax_that_runs_here_is_found_and_signed_in_to(port: Admin, tmp_path: Path) -> None:
    """
    Without a word about where it is.
    """
    with registered(tmp_path, tmp_path / "state", port.url.removeprefix("http://")):
        result = run(None, "weights", PARALLAX_RUNTIME_DIR=str(tmp_path))

    assert result.exit_code == 0
    assert port.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_token_is_never_an_argument(port: Admin, tmp_path: Path) -> None:
    """
    Everybody on the machine can read those; a file that others can read is refused too.
    """
    assert not [option for command in main.commands.values() for option in command.params if option.name == "token"]

    file = private(tmp_path / "token", TOKEN, 0o644)
    result = run(port, "weights", "--token-file", str(file))

    assert result.exit_code == 2
    assert result.stderr == f"{file}: others can read or change it; run: chmod 600 {file}\n"
    assert port.asked == []


def test_what_parallax_says_cannot_steer_the_terminal(port: Admin) -> None:
    """
    A reason in the audit is anybody's text.
    """
    port.answers["GET /admin/audit?limit=20"] = (200, {"entries": [{**ENTRY, "reason": "\x1b]0;gone\x07"}]})

    assert "\x1b" not in run(port, "audit").output
    assert "\x07" not in run(port, "audit").output


def test_no_secret_of_the_environment_is_shown(port: Admin) -> None:
    """
    Whatever is asked.
    """
    outputs = [run(port, *words).output for words in (("status",), ("weights", "--json"), ("kill",), ("audit",))]

    assert not [output for output in outputs if TOKEN in output]
    assert TOKEN not in " ".join(os.environ.values())


def test_a_new_token_is_printed_once_and_known_by_its_line() -> None:
    """
    The token alone on stdout, so that it can go into a file; the configuration gets only its hash.
    """
    result = CliRunner().invoke(main, ["token", "new", "--name", "ops", "--role", "viewer"])
    made = result.stdout.strip()
    line = result.stderr.splitlines()[-1]
    (known,) = parse_tokens(yaml.safe_load(line))

    assert result.exit_code == 0
    assert made.startswith("plx_")
    assert result.stdout == f"{made}\n"
    assert made not in result.stderr
    assert (known.name, known.role, known.sha256) == ("ops", "viewer", sha256(made.encode()).hexdigest())


def test_a_new_token_for_scripts() -> None:
    """
    All of it in one object, and never the same twice.
    """
    one, two = (
        json.loads(CliRunner().invoke(main, ["token", "new", "--name", "a", "--role", "operator", "--json"]).output)
        for _ in range(2)
    )

    assert set(one) == {"token", "name", "role", "sha256"}
    assert one["token"] != two["token"]


@pytest.mark.parametrize("words", [("--name", "a b", "--role", "viewer"), ("--name", "a", "--role", "x"), ()])
def test_a_token_nobody_could_configure_is_not_made(words: tuple[str, ...]) -> None:
    """
    A name that the configuration would refuse, a role that isn't one.
    """
    result = CliRunner().invoke(main, ["token", "new", *words])

    assert result.exit_code == 2
    assert "plx_" not in result.output


def test_kill_needs_no_secrets_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Those are in production, and not in the shell of who is on call: the address is the configured one all the same.
    """
    monkeypatch.setattr(latch, "PATIENCE", 0.2)
    file = tmp_path / "parallax.yaml"
    routes = "routes: [{name: a, match: {path: /a}, new: {set: {x-a: 'env:NOT_HERE'}}}]\n"
    file.write_text(MINIMUM + routes)
    with deaf() as pid, held(tmp_path / "var", pid=pid):
        result = run(None, "kill", "-c", str(file), "--json", PARALLAX_RUNTIME_DIR=str(tmp_path))

    assert "the API: nothing answers at http://127.0.0.1:1" in result.stderr
    assert "can't be used" not in result.stderr


@pytest.mark.parametrize("mistake", ["", "bogus: 1\n", "store: sqlite:///var/parallax.db\n\t{{{"])
def test_kill_finds_by_its_configuration_a_parallax_that_no_registry_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    """
    One of a service that registers elsewhere: its lock names it, its file says where it looks, also when somebody has
    made a mistake in it since.
    """
    # Nothing will come of it, however long one waits.
    monkeypatch.setattr(latch, "PATIENCE", 0.2)
    file = tmp_path / "parallax.yaml"
    file.write_text(MINIMUM + mistake)
    with deaf() as pid, held(tmp_path / "var", pid=pid):
        result = run(None, "kill", "-c", str(file), "--json", PARALLAX_RUNTIME_DIR=str(tmp_path))
    told = json.loads(result.stdout)

    # Nobody obeys here, so it isn't said to have worked; but the file is where it has to be.
    assert told["file"] == str(tmp_path / "var" / "kill")
    assert (tmp_path / "var" / "kill").exists()
    assert "the API: nothing answers at http://127.0.0.1:" in result.stderr
    assert ("can't be used" in result.stderr) == bool(mistake)
    assert f"the signal: sent to {pid}, and nothing was seen to come of it" in result.stderr
    assert run(None, "kill", "-c", str(tmp_path / "gone.yaml")).exit_code == 2
