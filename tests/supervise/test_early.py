"""
A signal before anything has begun.
"""

import json
import signal
import subprocess
import sys

import pytest

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


def test_it_is_in_force_before_anything_big_is_loaded() -> None:
    """
    What it imports is what the interpreter has anyway, or little more.
    """
    program = "import sys, proxy.supervise.early; print('asyncio' in sys.modules, 'structlog' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20)

    assert ran.stdout == "False False\n"
