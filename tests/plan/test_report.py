"""
What is said of a plan that can be carried out, on a screen that is narrow.
"""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from proxy.plan.check import checked
from proxy.plan.report import report

PLANS = Path(__file__).parents[2] / "config" / "plans"


@pytest.mark.parametrize("width", [80, 120, 1000])
def test_nothing_is_cut_off(width: int) -> None:
    """
    What is too long for its column goes on below it.
    """
    found = checked((PLANS / "orders-read.yaml").read_text(), "orders-read.yaml", None)
    console = Console(file=StringIO(), width=width, highlight=False, markup=False, emoji=False)

    for line in report("orders-read.yaml", found, None):
        console.print(line, soft_wrap=True)

    said = console.file.getvalue() if isinstance(console.file, StringIO) else ""
    assert "…" not in said
    for stage in found.plan.stages:
        assert f"\n{stage.name} " in said
    assert all(name in said for name in found.plan.gates)
    assert found.hash in said
