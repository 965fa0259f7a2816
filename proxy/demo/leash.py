"""
Becomes another Python module that the kernel ends, with SIGTERM, when its parent is gone: `python -m proxy.demo.leash
PARENT MODULE [ARGUMENT…]`.

A process of its own, because the parent has threads and so must not run Python between fork and exec.
"""

import os
import signal
import sys
from ctypes import CDLL

PR_SET_PDEATHSIG = 1  # linux/prctl.h; it stays set across exec

if __name__ == "__main__":
    CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    # The parent may have gone before that.
    if os.getppid() == int(sys.argv[1]):
        os.execv(sys.executable, (sys.executable, "-m", *sys.argv[2:]))  # noqa: S606 - our own interpreter
