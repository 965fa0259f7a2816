"""
Which signals mean what, and who is reaped by whom.
"""

import signal
import subprocess
import sys

from proxy.supervise.signals import ECHO_SECONDS, StopRequests

# Runs apart from the tests' process, which must not become anybody's keeper.
FOSTER = """
import ctypes, os, subprocess, sys
from proxy.supervise.signals import reap_orphans

PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
ours = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(5)"], stdin=subprocess.PIPE)
# A child that ends before its own child does, whose pid it prints.
parent = "import subprocess; print(subprocess.Popen(['sleep', '0.2']).pid)"
orphan = int(subprocess.run([sys.executable, "-c", parent], stdout=subprocess.PIPE, check=True).stdout)
os.waitid(os.P_PID, orphan, os.WEXITED | os.WNOWAIT)
reap_orphans([ours.pid])
assert not os.path.exists(f"/proc/{orphan}")
ours.stdin.close()
os.waitid(os.P_PID, ours.pid, os.WEXITED | os.WNOWAIT)
reap_orphans([ours.pid])
assert ours.wait() == 5
reap_orphans([])
"""


def test_orphans_are_reaped_and_our_own_children_left_to_their_keepers() -> None:
    """
    In a container the supervisor is PID 1 and inherits what nobody waits for.
    """
    subprocess.run([sys.executable, "-c", FOSTER], check=True, timeout=20)


def test_a_second_signal_counts_and_an_echo_of_the_first_does_not() -> None:
    """
    GNU timeout signals the process and then its group: two deliveries of one request.
    """
    changes: list[None] = []
    requests = StopRequests(lambda: changes.append(None))
    requests.received(signal.SIGTERM)
    requests.received(signal.SIGTERM)

    assert (requests.first, requests.second) == (signal.SIGTERM, False)

    requests.at -= ECHO_SECONDS
    requests.received(signal.SIGTERM)

    assert (requests.first, requests.second) == (signal.SIGTERM, True)
    assert len(changes) == 3


def test_another_signal_is_never_an_echo() -> None:
    """
    Ctrl-C right after a SIGTERM is a person in a hurry.
    """
    requests = StopRequests(lambda: None)
    requests.received(signal.SIGTERM)
    requests.received(signal.SIGINT)

    assert requests.first is signal.SIGTERM
    assert requests.second
