"""
Signatures are the same everywhere and always.
"""

import os
import subprocess
import sys
from pathlib import Path

from proxy.compare.difference import Kind
from proxy.compare.signature import MOST_PARTS, signature
from tests.parts.judged import ENDPOINT

ROOT = Path(__file__).parents[2]
# Judges all labelled pairs and prints what identifies each.
SCRIPT = """
import sys
from proxy.compare.judge import FRAMES
from tests.compare.test_labelled import PAIRS, look
sys.setrecursionlimit(FRAMES)
for pair in PAIRS:
    judgement = look(pair.values[0])
    print(judgement.signature and judgement.signature.id, [one.path for one in judgement.differences])
"""


def test_other_processes_with_other_hashes_find_the_same_signatures() -> None:
    """
    And the same differences in the same order: nothing depends on how a process hashes.
    """
    told = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    ]

    assert told[0].count(b"\n") >= 300
    assert told[0] == told[1]


def test_a_signature_never_changes() -> None:
    """
    Waivers and evidence name them for as long as they are kept: this one is written down here.
    """
    parts = [("$.items[*].price", Kind.VALUE), ("$.größe", Kind.MISSING)]

    signed = signature("GET /things/{id}", parts)

    assert signed.id == "fd6393939efb004f"
    assert signed.severity == "shape"


def test_what_is_left_out_of_a_large_signature_is_the_least_severe() -> None:
    """
    And always the same, whatever the order in which it was found.
    """
    parts = [(f"$.a{number:02}", Kind.VALUE) for number in range(MOST_PARTS)]
    more = [*parts, ("header:etag", Kind.HEADER), ("$.z", Kind.TYPE)]

    signed = signature(ENDPOINT, more)

    assert signed == signature(ENDPOINT, reversed(more))
    assert set(signed.parts) == {("$.z", Kind.TYPE), *parts[:-1]}
