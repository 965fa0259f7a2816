"""
How much hypothesis tries: `fast` for every run, `deep` for `make prove`.
"""

import os

from hypothesis import settings

# Shared machines stall: a deadline for one example would accuse them, and the tests' own timeout is there anyway.
settings.register_profile("fast", max_examples=60, deadline=None, derandomize=bool(os.environ.get("CI")))
settings.register_profile("deep", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
