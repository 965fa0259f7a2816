"""
A signal before anything has begun.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ANYWHERE = {
    "listen": "127.0.0.1:0",
    "health": {"listen": "127.0.0.1:0"},
    "admin": {"listen": "127.0.0.1:0"},
    "old": {"url": "http://127.0.0.1:9001"},
    "new": {"url": "http://127.0.0.1:9002"},
    "store": "sqlite:///state/parallax.db",
}
PROJECT = Path(__file__).parents[2]
LOADING = """
import sys, time
from proxy.supervise.early import obey_stop

obey_stop()
print("loading", flush=True)
time.sleep(30)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_while_loading_is_obeyed_with_a_line(number: signal.Signals) -> None:
    """
    Nothing was begun, so nothing is lost: exit code 0.
    """
    with subprocess.Popen([sys.executable, "-c", LOADING], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as loading:
        assert loading.stdout is not None
        loading.stdout.readline()
        loading.send_signal(number)
        _, told = loading.communicate(timeout=20)
    line = json.loads(told)

    assert loading.returncode == 0
    assert (line["event"], line["signal"], line["process"]) == ("stopped_before_start", number.name, "supervisor")
    assert list(line)[:3] == ["timestamp", "level", "event"]


def test_serve_obeys_while_it_reads_its_configuration(tmp_path: Path) -> None:
    """
    Told by a line, also when it is the disk that it waits for: the file is a pipe into which nobody writes.
    """
    file = tmp_path / "parallax.yaml"
    os.mkfifo(file)
    command = [sys.executable, "-m", "proxy", "serve", "-c", str(file)]
    # The file opens when the other end is opened for reading.
    with (
        subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as loading,
        file.open("wb"),
    ):
        loading.send_signal(signal.SIGTERM)
        _, told = loading.communicate(timeout=20)

    assert loading.returncode == 0
    assert json.loads(told)["event"] == "stopped_before_start"


def test_a_kill_that_comes_while_serve_loads_is_obeyed_when_it_serves(tmp_path: Path) -> None:
    """
    Where nobody handles it, that signal ends a process.
    """
    file = tmp_path / "parallax.yaml"
    os.mkfifo(file)
    command = [sys.executable, "-m", "proxy", "serve", "-c", str(file)]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.PIPE) as loading:
        with file.open("w") as configuration:
            loading.send_signal(signal.SIGUSR1)
            yaml.safe_dump(ANYWHERE, configuration)
        assert loading.stderr is not None
        killed = next(line for line in loading.stderr if b'"killed"' in line)
        loading.send_signal(signal.SIGINT)
        loading.communicate(timeout=50)

    assert loading.returncode == 0
    assert json.loads(killed)["by"] == "SIGUSR1"
    assert json.loads((tmp_path / "state" / "latch.json").read_bytes())["killed"] is True


def test_it_is_in_force_before_anything_big_is_loaded() -> None:
    """
    What it imports is what the interpreter has anyway, or little more.
    """
    program = "import sys, proxy.supervise.early; print('asyncio' in sys.modules, 'structlog' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20)

    assert ran.stdout == "False False\n"
