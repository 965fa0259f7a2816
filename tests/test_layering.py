"""
The building plan, checked: a module is pure unless it is listed here, imports go down, and rooms with I/O stay apart.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PROXY = Path(__file__).parents[1] / "proxy"

# From the ground up. A module may import from lower floors and, with the exceptions below, from its own.
GROUND = {"errors", "clock", "crash", "files", "outward", "references", "tasks", "threads"}  # floor 0
#   every module that does no I/O         floor 1
#   every module of a room that does      floor 2
STORIES = {
    "copying",
    "course",
    "retrying",
    "leaving",
    "plane",
    "shadow",
    "twins",
    "recheck",
    "shedding",
    "exchange",
    "tables",
} | {
    *("steering", "learning", "latching", "publication", "ledger", "reloading", "rulebook", "equipment"),
    *("archive", "waiving", "dossier", "salt", "deciding", "keyfiles", "sidefiles", "flags", "waiting", "notifying"),
    *("rollout", "planned", "planbook", "sight", "inquiries", "lines", "means"),
}  # floor 3
WIRING = {"worker", "comparer", "control"}  # floor 4, with the room `supervise`, which wires the processes
ROOF = {
    "supervisor",
    "demo",
    "asking",
    "cli",
    "conduct",
    "discern",
    "examine",
    "explaining",
    "forcing",
    "operate",
    "planning",
    "__main__",
}  # floor 5

# The only modules that may do I/O, read a clock or roll dice.
IO_MODULES = (
    {"clock", "files", "crash", "outward", "references", "tasks", "threads", "log", "pressure"}
    | {"link.channel", "link.hand"}
    | {"notify.post"}
    | {f"sources.{name}" for name in ("command", "prometheus", "webhook")}
    | STORIES
    | WIRING
    | (ROOF - {"demo"})
    | {f"net.{name}" for name in ("answering", "client", "comparer", "encrypted", "entrance", "listener")}
    | {f"net.{name}" for name in ("places", "pool", "resolver", "resuming", "upstream")}
    | {f"supervise.{name}" for name in ("child", "claims", "descriptors", "early", "health", "hub", "keep", "killfile")}
    | {
        f"supervise.{name}"
        for name in ("launch", "lives", "lock", "memory", "patience", "places", "registry", "reports")
    }
    | {f"supervise.{name}" for name in ("signals", "slot", "sockets", "switch", "watchdog")}
    | {f"admin.{name}" for name in ("app", "apply", "certificate", "events", "port")}
    | {f"admin.{name}" for name in ("reply", "routes", "serve", "stream", "token")}
    | {f"settings.{name}" for name in ("certificates", "checks", "document", "doors", "elsewhere", "listening")}
    | {f"settings.{name}" for name in ("load", "membership", "openapi", "setup")}
    | {
        f"store.{name}"
        for name in ("engine", "evidence", "files", "notices", "opening", "plan", "schema", "store", "waivers")
    }
    | {
        f"remote.{name}"
        for name in ("call", "find", "kill", "latch", "look", "plan_watch", "private", "registry", "restore", "watch")
    }
    | {f"demo.{name}" for name in ("acts", "client", "leash", "load", "run", "server", "stage")}
)

# What a pure module may import from outside. None of these opens, waits, asks the time or rolls dice by itself.
PURE_LIBRARIES = {
    *(
        "array",
        "base64",
        "binascii",
        "bisect",
        "collections",
        "copy",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "email.utils",
        "enum",
        "functools",
        "hashlib",
        "hmac",
        "html",
        "itertools",
        "math",
        "operator",
        "posixpath",
        "shlex",
        "xml.parsers",
        "zlib",
        "zoneinfo",
    ),
    *("json", "re", "shlex", "statistics", "struct", "types", "typing", "http", "ipaddress", "pathlib", "urllib.parse"),
    # Foreign, and only for making values and text.
    *(
        "brotli",
        "deepdiff",
        "icalendar",
        "jinja2",
        "jwt",
        "markdown_it",
        "markupsafe",
        "mmh3",
        "orjson",
        "prometheus_client",
        "pydantic",
        "pydantic_core",
        "rich",
        "yaml",
        "zstandard",
    ),
}
# `pathlib` joins names in pure modules; it doesn't look at the disk there.
DISK = {"exists", "iterdir", "mkdir", "open", "read_bytes", "read_text", "resolve", "stat", "write_bytes", "write_text"}
# What would make a worker slow to start, or is none of its business.
NOT_IN_A_WORKER = (
    *("aiohttp", "click", "prometheus_client", "pydantic", "rich", "sqlalchemy", "structlog", "yaml"),
    *("proxy.admin", "proxy.control", "proxy.demo", "proxy.settings", "proxy.supervise", "proxy.supervisor"),
)


def modules() -> dict[str, Path]:
    """
    `net.pool` and where it lies, for every module but the empty ones that only make a folder a package.
    """
    return {
        ".".join(path.relative_to(PROXY).with_suffix("").parts): path
        for path in sorted(PROXY.rglob("*.py"))
        if path.name != "__init__.py"
    }


MODULES = modules()


def imports(path: Path, *, types_too: bool) -> Iterator[str]:
    """
    Every dotted name that a file imports, inside functions too; those for annotations alone only with `types_too`.
    """
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not types_too:
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write `from proxy.…`, not `from .`"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(dotted: str) -> str | None:
    """
    The module of ours that an imported name belongs to: `proxy.wire.body.chunk` is of `wire.body`; None if foreign.
    """
    first, *parts = dotted.split(".")
    if first != "proxy":
        return None
    return next((name for size in (2, 1) if (name := ".".join(parts[:size])) in MODULES), None)


def imported_modules(name: str, *, types_too: bool) -> set[str]:
    """
    The modules of ours that a module of ours imports.
    """
    found = {target for dotted in imports(MODULES[name], types_too=types_too) if (target := ours(dotted))}
    return found - {name}


def room(name: str) -> str:
    """
    The folder of a module, or the module itself at the top.
    """
    return name.split(".", maxsplit=1)[0]


def floor(name: str) -> int:
    """
    How high a module stands.
    """
    if name in GROUND:
        return 0
    if room(name) in ROOF:
        return 5
    if name in WIRING or room(name) == "supervise":
        return 4
    if name in STORIES:
        return 3
    return 2 if name in IO_MODULES else 1


def may_import(name: str, target: str) -> bool:
    """
    Down is free. On one floor: the ground, the pure ones, the roof and stories among each other; I/O only within its
    own room.
    """
    if target == "log":
        # The processes that log: the supervisor and control. A worker reports over its link.
        return room(name) in {"supervise", "supervisor", "control", "cli"}
    if room(target) == "demo" and room(name) != "demo":
        return name == "cli"
    if floor(target) != floor(name):
        return floor(target) < floor(name)
    return room(target) == room(name) or floor(name) in (0, 1, 3, 5)


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_down(name: str) -> None:
    """
    Who reads a module needs to know what lies under it, never what stands on it.
    """
    wrong = [target for target in imported_modules(name, types_too=False) if not may_import(name, target)]

    assert not wrong, f"{name} may not import {wrong}"


@pytest.mark.parametrize("name", MODULES)
def test_even_annotations_stay_in_the_room_or_look_down(name: str) -> None:
    """
    A name imported for types alone couples less, but it couples.
    """
    wrong = [
        target
        for target in imported_modules(name, types_too=True)
        if not may_import(name, target) and room(target) != room(name)
    ]

    assert not wrong, f"{name} may not import {wrong}, not even for annotations"


@pytest.mark.parametrize("name", sorted(set(MODULES) - IO_MODULES))
def test_a_module_is_pure_unless_it_is_listed(name: str) -> None:
    """
    Facts in, values out: no I/O, no clock, no dice, neither by itself nor through another module.
    """
    foreign = [dotted for dotted in imports(MODULES[name], types_too=False) if dotted.split(".")[0] != "proxy"]
    outside = {dotted for dotted in foreign if not {dotted, *parents(dotted)} & PURE_LIBRARIES}

    assert not outside, f"{name} is not in IO_MODULES and imports {sorted(outside)}"
    assert not imported_modules(name, types_too=False) & IO_MODULES


def parents(dotted: str) -> Iterator[str]:
    """
    `a.b.c` lies in `a.b` and `a`.
    """
    while "." in dotted:
        dotted = dotted.rpartition(".")[0]
        yield dotted


@pytest.mark.parametrize("name", sorted(set(MODULES) - IO_MODULES))
def test_a_pure_module_touches_no_file_and_prints_nothing(name: str) -> None:
    """
    Built-in ways of doing I/O need no import.
    """
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Call):
            called = node.func
            assert not (isinstance(called, ast.Attribute) and called.attr in DISK), f"{name}:{node.lineno}"
            assert not (isinstance(called, ast.Name) and called.id in {"open", "print", "input"}), (
                f"{name}:{node.lineno}"
            )


@pytest.mark.parametrize(
    "one", ["admin", "link", "net", "notify", "remote", "settings", "sources", "store", "supervise"]
)
@pytest.mark.parametrize("other", ["admin", "demo", "net", "notify", "remote", "settings", "sources", "store"])
def test_rooms_with_io_do_not_know_each_other(one: str, other: str) -> None:
    """
    Whoever needs two of them wires them; so each can be read, tested and replaced by itself.
    """
    if one == other:
        return
    for name in (name for name in MODULES if room(name) == one):
        met = {target for target in imported_modules(name, types_too=True) if room(target) == other}

        assert not met, f"{name} imports {met}"


def test_no_module_is_imported_in_a_circle() -> None:
    """
    The import graph of the whole package has a top and a bottom.
    """
    graph = {name: imported_modules(name, types_too=False) for name in MODULES}

    order = list(TopologicalSorter(graph).static_order())

    assert set(order) == set(MODULES)


def test_the_lists_are_current() -> None:
    """
    Whatever is named here exists, and was not made pure in the meantime without being taken off the list.
    """
    assert set(MODULES) >= IO_MODULES
    assert set(MODULES) >= GROUND | STORIES | WIRING
    assert {room(name) for name in MODULES} >= ROOF


@pytest.mark.parametrize("name", ["wire", "routing", "mirror", "metrics"])
def test_whole_rooms_are_pure(name: str) -> None:
    """
    How HTTP is read, how requests are routed, how pairs are settled and how they are counted needs no socket to test.
    """
    assert not {module for module in IO_MODULES if room(module) == name}


def test_a_worker_imports_nothing_it_does_not_need() -> None:
    """
    Ready must not wait for a web framework, and what isn't there can't fail a client.
    """
    program = "import json, sys, proxy.worker; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=PROXY.parent, capture_output=True, text=True, check=True, timeout=30
    )
    loaded = set(json.loads(ran.stdout))

    assert "proxy.exchange" in loaded
    assert not {name for name in loaded if any(f"{name}.".startswith(f"{barred}.") for barred in NOT_IN_A_WORKER)}


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__main__"])
def test_modules_are_small_enough_to_read(name: str) -> None:
    """
    One sitting each. The client's connection is the one exception: its states are one story.
    """
    lines = len(MODULES[name].read_text().splitlines())

    assert lines <= (600 if name == "net.client" else 450)
