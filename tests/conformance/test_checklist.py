"""
The checklist of docs/http.md is complete, and each item is shown by the tests that it names.
"""

import ast
import re
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
ROW = re.compile(r"\| (\d+) \| [^|]+ \| [^|]+ \| ([^|]+) \|")


def claimed() -> dict[int, set[str]]:
    """
    Item → the test modules that the page names for it.
    """
    page = (HERE.parents[1] / "docs" / "http.md").read_text()
    return {int(row[1]): set(re.findall(r"`(\w+)`", row[2])) for line in page.splitlines() if (row := ROW.match(line))}


def shown() -> dict[int, set[str]]:
    """
    Item → the test modules with a test whose docstring names it.
    """
    found: dict[int, set[str]] = defaultdict(set)
    for path in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for item in re.findall(r"\bitem (\d+)", ast.get_docstring(node) or ""):
                    found[int(item)].add(path.stem)
    return found


def test_the_checklist_is_complete() -> None:
    """
    There are 72 items, and none is left out.
    """
    assert sorted(claimed()) == list(range(1, 73))


def test_each_item_is_shown_by_what_it_names() -> None:
    """
    The modules in the table are those whose tests name the item: no more and no fewer.
    """
    assert claimed() == dict(shown())
