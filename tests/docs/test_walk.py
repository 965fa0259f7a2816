"""
The guided tour names files and functions; all of them exist, and where it says.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "docs/walk.md", *(ROOT / "docs/adr").glob("*.md")])
WALK = (ROOT / "docs/walk.md").read_text()


@cache
def defined(path: Path) -> frozenset[str]:
    """
    `function`, `Class` and `Class.method` of a module.
    """
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
            methods = (inner for inner in node.body if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef))
            names.update(f"{node.name}.{method.name}" for method in methods)
    return frozenset(names)


def quoted(text: str, pattern: str) -> list[str]:
    """
    Everything in backticks that looks like this.
    """
    return sorted(set(re.findall(rf"`({pattern})`", text)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    """
    Paths are told from the top of the repository.
    """
    paths = quoted(page.read_text(), r"(?:proxy|tests|docs|benchmarks)/[\w/.-]+")
    commands = re.findall(r"python -m (benchmarks\.\w+)", page.read_text())

    assert not [path for path in paths if not (ROOT / path).exists()]
    assert not [name for name in commands if not (ROOT / f"{name.replace('.', '/')}.py").exists()]


@pytest.mark.parametrize("name", quoted(WALK, r"[A-Z]\w+(?:\.\w+)?|\w+\.\w*[a-z]\w*"))
def test_every_class_and_method_on_the_walk_exists(name: str) -> None:
    """
    In one of the files that the page names.
    """
    if name.endswith(".py"):
        return
    files = [ROOT / path for path in quoted(WALK, r"proxy/[\w/]+\.py")]

    assert [path for path in files if name in defined(path)]


@pytest.mark.parametrize(("name", "path"), re.findall(r"`(\w+)` (?:and `\w+` )?(?:in|\()\s*`?(proxy/[\w/]+\.py)", WALK))
def test_what_is_said_to_be_in_a_file_is_there(name: str, path: str) -> None:
    """
    "`name` in `proxy/…`" and "`name` (`proxy/…`)".
    """
    assert name in defined(ROOT / path)


def test_the_walk_visits_the_whole_data_plane() -> None:
    """
    No module of it is left out that a reader would have to find alone, but for helpers of those named.
    """
    rooms = [path for room in ("net", "mirror") for path in (ROOT / "proxy" / room).glob("*.py")]
    helpers = {"__init__.py", "lifetime.py", "pace.py", "resolver.py", "troubles.py"}

    assert not [
        path for path in rooms if path.name not in helpers and f"proxy/{path.parent.name}/{path.name}" not in WALK
    ]
