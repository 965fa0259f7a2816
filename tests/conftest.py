"""
How much hypothesis tries: `fast` for every run, `deep` for `make prove`.
"""

import os
import signal

from hypothesis import settings

# Started in the background by a shell, all that comes from here would ignore Ctrl-C, which some tests are about.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Shared machines stall: a deadline for one example would accuse them, and the tests' own timeout is there anyway.
settings.register_profile("fast", max_examples=60, deadline=None, derandomize=bool(os.environ.get("CI")))
settings.register_profile("deep", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
