"""
What the page on plans shows is what there is: its examples are plans, its tables name keys, its refusals are said.
"""

import re
from pathlib import Path
from typing import get_args

import pytest

from proxy.errors import ConfigurationError
from proxy.plan.check import checked
from proxy.plan.keys import KEYS
from proxy.plan.model import Automatic
from proxy.plan.parse import plan_hash, read_plan

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/plan.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def first_cells(head: str) -> list[str]:
    """
    The words in backticks of the first column of the table with this head.
    """
    table = PAGE.partition(f"{head}\n")[2].partition("\n\n")[0].splitlines()[1:]
    return [word for row in table for word in re.findall(r"`([a-z_]+)[`:]", row.split("|")[1])]


def test_the_smallest_is_the_example() -> None:
    """
    Word for word, comments aside.
    """
    assert plan_hash(BLOCKS[0]) == plan_hash((ROOT / "config/plans/minimal.yaml").read_text())


@pytest.mark.parametrize("block", BLOCKS[1:])
def test_each_example_is_what_a_plan_may_say(block: str) -> None:
    """
    Beside what a plan has to say.
    """
    assert read_plan((ROOT / "config/plans/minimal.yaml").read_text() + block, "plan.yaml").plan == "hello"


def test_the_table_of_a_stage_names_its_keys() -> None:
    """
    All but what it is called.
    """
    keys = {path[-1] for path in KEYS if path[:2] == ("stages", "*") and len(path) == 3}

    assert set(first_cells("| key | says |")) == keys - {"name", "title", "milestone", "approvals"}


def test_the_table_of_sources_names_all() -> None:
    """
    Of gates and of guards.
    """
    sources = {path[2] for path in KEYS if path[0] in ("gates", "guards") and len(path) > 2}

    assert set(first_cells("| source | reads | gate | guard |")) == sources


def test_automatic_lines_are_named() -> None:
    """
    Each of them.
    """
    assert not [name for name in get_args(Automatic) if f"`{name}`" not in PAGE]


def test_the_refusal_is_what_is_said() -> None:
    """
    For such a plan.
    """
    text = """\
plan: x
expect: {rate: 0.3, routes: {search: 90, read: 6}}
gates: {each: {event: mismatch, max: 0.002, per: route, routes: [search, read]}}
stages:
  - {name: shadow, success: All alike, gates: [each], mirror: 50}
"""
    with pytest.raises(ConfigurationError) as refused:
        checked(text, "migration.yaml", None)

    assert str(refused.value) in PAGE.replace(";\n", "; ")
