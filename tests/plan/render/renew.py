"""
Writes the golden documents again: python -m tests.plan.render.renew
"""

import json
import shutil
from functools import cache
from pathlib import Path

from proxy.plan.render.documents import render
from proxy.plan.render.running import read_running
from tests.parts.documents import book_of, status

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("minimal", "demo", "orders-read", "orders-under-way")
# The page has all others in it, and a style that is tried by eye: one is enough.
WITH_PAGE = "minimal"


@cache
def all_of(name: str) -> dict[str, str]:
    """
    All documents of one plan, by file.
    """
    if name == "orders-under-way":
        return render(book_of("orders-read", read_running(json.dumps(status()), "status")))
    return render(book_of(name))


def documents(name: str) -> dict[str, str]:
    """
    Those that are golden.
    """
    return {file: text for file, text in all_of(name).items() if file != "index.html" or name == WITH_PAGE}


def main() -> None:
    """
    All of them.
    """
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for name in NAMES:
        for file, text in documents(name).items():
            path = GOLDEN / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())


if __name__ == "__main__":
    main()
