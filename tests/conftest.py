"""
How much hypothesis tries (`fast` for every run, `deep` for `make prove`), and what all processes of a run share.
"""

import os
import signal
import sys

from hypothesis import settings

# Started in the background by a shell, all that comes from here would ignore Ctrl-C, which some tests are about.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Hundreds of processes are started from these sources. Where bytecode is not to be kept, as images for containers often
# have it, each would compile them again: 0.3 s of the 1.5 s of processor time that a Parallax takes to start and stop.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Shared machines stall: a deadline for one example would accuse them, and the tests' own timeout is there anyway.
settings.register_profile("fast", max_examples=60, deadline=None, derandomize=bool(os.environ.get("CI")))
settings.register_profile("deep", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
