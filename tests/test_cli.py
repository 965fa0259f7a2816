"""
The command line: words, exit codes, and one sentence for each mistake.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from proxy import __version__
from proxy.cli import main

PROJECT = Path(__file__).parents[1]
MINIMUM = "old: {url: http://127.0.0.1:9001}\nnew: {url: http://127.0.0.1:9002}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    An empty working folder with one good file.
    """
    (tmp_path / "good.yaml").write_text(MINIMUM)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """
    What `serve` does with signals before it refuses to start stays with the test: children of later ones would have it.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(main, words, env=environment, prog_name="parallax")


@pytest.mark.parametrize("command", [None, *main.commands])
def test_every_command_has_help_with_an_example(command: str | None) -> None:
    """
    The example is a line that can be typed.
    """
    result = run(*([command] if command else []), "--help")

    assert result.exit_code == 0
    assert f"\n    parallax {command or 'demo'}" in result.output.partition("Example:")[2]


@pytest.mark.parametrize(
    ("group", "command"),
    [(name, below) for name, one in main.commands.items() if isinstance(one, click.Group) for below in one.commands],
)
def test_so_has_every_command_of_a_group(group: str, command: str) -> None:
    """
    It too can be typed.
    """
    result = run(group, command, "--help")

    assert result.exit_code == 0
    assert f"\n    parallax {group} {command}" in result.output.partition("Example:")[2]


def test_help_is_quick() -> None:
    """
    Nothing that only a running Parallax needs is imported for it.
    """
    program = "import sys, proxy.cli; print([name for name in sys.argv[1:] if name in sys.modules])"
    heavy = ["aiohttp", "asyncio", "pydantic", "prometheus_client", "rich", "structlog", "uvloop", "yaml"]
    words = [sys.executable, "-c", program, *heavy]
    result = subprocess.run(words, capture_output=True, text=True, check=True, cwd=PROJECT)

    assert result.stdout == "[]\n"


def test_version() -> None:
    """
    One line that a bug report can quote.
    """
    assert run("version").output.startswith(f"parallax {__version__} (Python 3.")


def test_python_m_proxy_is_the_same_command() -> None:
    """
    For those who have a source checkout and no installed script.
    """
    words = [sys.executable, "-m", "proxy", "--help"]
    result = subprocess.run(words, capture_output=True, text=True, check=True, cwd=PROJECT)

    assert result.stdout.startswith("Usage: parallax ")


def test_check_says_that_a_file_can_be_used() -> None:
    """
    With the two sides, so that a wrong file is seen.
    """
    result = run("check", "good.yaml")

    assert (result.exit_code, result.output) == (
        0,
        "good.yaml: can be used: old http://127.0.0.1:9001, new http://127.0.0.1:9002\n",
    )


def test_check_names_everything_wrong_in_every_file(folder: Path) -> None:
    """
    One line a problem; good files are told too; the exit code is 2.
    """
    (folder / "bad.yaml").write_text(MINIMUM + "workers: 0\nlisten: x\n")
    result = run("check", "bad.yaml", "good.yaml", "gone.yaml")

    assert result.exit_code == 2
    assert [line.split(": ")[0] for line in result.output.splitlines()] == [
        "bad.yaml:3",
        "bad.yaml:4",
        "good.yaml",
        "gone.yaml",
    ]


def test_check_tells_warnings_and_passes() -> None:
    """
    Variables count as they would for `serve`.
    """
    result = run("check", "good.yaml", PARALLAX_NEW__URL="http://127.0.0.1:9001")

    assert result.exit_code == 0
    assert result.output.startswith("PARALLAX_NEW__URL: new.url: is the address of old too")
    assert "(warning)\n" in result.output


def test_check_needs_no_secrets_of_the_environment(folder: Path) -> None:
    """
    Those are in production, and not in the shell of who checks; `serve` needs them.
    """
    routes = (
        "routes: [{name: a, match: {path: /a}, new: {set: {x-a: 'env:NOT_HERE'}}}]\nclaims: {key: 'env:NOR_HERE'}\n"
    )
    (folder / "secret.yaml").write_text(MINIMUM + routes)
    result = run("check", "secret.yaml")

    assert result.exit_code == 0
    assert "env:NOT_HERE: there is no such environment variable; set it for parallax serve; it is not" in result.output
    assert "tokens are believed unverified here (warning)" in result.output
    explained = run("check", "secret.yaml", "--request", "GET /a")
    assert explained.exit_code == 0
    assert "route   a\n" in explained.output
    assert run("serve", "-c", "secret.yaml").exit_code == 2


def test_check_counts_keys(folder: Path) -> None:
    """
    So that a file in another form than is meant is seen.
    """
    (folder / "beta.txt").write_bytes(b"\xef\xbb\xbfann\r\nbob\r\n")
    cohorts = "cohorts: [{name: beta, match: {keys: beta.txt}, side: new}]\nsticky: {key: [client]}\n"
    (folder / "keys.yaml").write_text(MINIMUM + cohorts)
    result = run("check", "keys.yaml")

    assert result.exit_code == 0
    assert "keys.yaml: cohorts: beta: beta.txt has 2 keys\n" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("serve",), "the command line: old.url: is missing; "),
        (("serve", "--old", "http://a"), "the command line: new.url: is missing; "),
        (("serve", "--old", "a", "--new", "http://b"), "--old: old.url: 'a' has no scheme"),
        (("serve", "-c", "gone.yaml"), "gone.yaml: can't be read"),
        (("serve", "-c", "good.yaml", "--workers", "0"), "--workers: workers: 0 is too small; "),
        (("serve", "-c", "good.yaml", "--listen", ":80"), "--listen: listen: ':80' is no address; "),
        (("serve", "-c", "good.yaml", "--listen", "localhost:9001"), "good.yaml:1: old.url: "),
        (("serve", "-c", "good.yaml", "--admin", "0.0.0.0:1"), "--admin: admin.listen: "),
        (("serve", "-c", "good.yaml", "--health", "127.0.0.1:8080"), "--health: health.listen: "),
    ],
)
def test_serve_refuses_what_cannot_work(words: tuple[str, ...], said: str) -> None:
    """
    Before anything starts, on stderr, with exit code 2.
    """
    result = run(*words)

    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("words", [("serve", "--frobnicate"), ("serve", "--workers", "two"), ("check",), ("nothing",)])
def test_bad_usage_is_exit_code_2(words: tuple[str, ...]) -> None:
    """
    As everywhere.
    """
    assert run(*words).exit_code == 2


def test_commands_are_those_of_this_version() -> None:
    """
    A command that is listed works.
    """
    assert isinstance(main, click.Group)
    assert sorted(main.commands) == [
        *(
            "audit",
            "check",
            "demo",
            "evidence",
            "kill",
            "mirror",
            "noise",
            "plan",
            "reload",
            "restore",
            "serve",
            "status",
            "token",
        ),
        *("version", "waive", "weights"),
    ]


@pytest.mark.parametrize("words", [["version"], ["--help"], ["serve", "--help"], ["check", "good.yaml"], ["demo"]])
def test_a_full_disk_is_told_in_one_sentence(words: list[str], folder: Path) -> None:
    """
    What is printed can't be written: exit code 1 and no traceback, wherever it was printed.
    """
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "proxy", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )

    assert ran.returncode == 1
    assert ran.stderr == "the output can't be written (no space left on device); make room, or send it elsewhere\n"


def test_a_reader_that_went_away_is_nobodys_fault() -> None:
    """
    As `parallax --help | true` leaves it: no word.
    """
    there, gone = os.pipe()
    os.close(there)
    words = [sys.executable, "-m", "proxy", "--help"]
    ran = subprocess.run(words, stdout=gone, stderr=subprocess.PIPE, text=True, check=False, cwd=PROJECT)
    os.close(gone)

    assert ran.returncode == 1
    assert ran.stderr == ""


def test_a_terminal_that_cannot_show_a_letter_shows_another() -> None:
    """
    An arrow is no reason to fail.
    """
    words = [sys.executable, "-m", "proxy", "check", "gone-→.yaml"]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    ran = subprocess.run(words, capture_output=True, text=True, check=False, cwd=PROJECT, env=environment)

    assert (ran.returncode, ran.stderr) == (2, "")
    assert ran.stdout.startswith("gone-?.yaml: can't be read")
