"""
What judging one pair costs a comparer, beside two bare `orjson.loads` of the same bodies and DeepDiff.

`python -m benchmarks.judging` prints CPU µs per pair (median of alternating rounds) for bodies of 1.3 KB, 68 KB and 1
MB with 0, 1 and 50 differences, without rules and with ten; and for gzip, beside undoing it twice and two parses. It is
`judge` alone: what handing a pair over costs is measured by `benchmarks.compare --differing`.
"""

import argparse
import gc
import gzip
import json
import statistics
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import orjson
from deepdiff import DeepDiff

from proxy.compare.answer import Answer
from proxy.compare.judge import FRAMES, Book, judge
from proxy.compare.rules import Rule, compile_rules

SIZES = {"1.3 KB": 1_300, "68 KB": 68_000, "1 MB": 1_000_000}
# DeepDiff takes minutes for a megabyte.
LARGEST_FOR_DEEPDIFF = 100_000
ROUNDS = 9
# Of one measurement, so that the clock's steps don't matter.
SECONDS = 0.05
MEDIA = "application/json"
RULES = (
    Rule(does="ignore", where="$.meta.generated_at"),
    Rule(does="ignore", where="$..trace"),
    Rule(does="numbers", where="$.items[*].price", given={"abs": 0.001}),
    Rule(does="times", where="$..updated_at", given={"within": 2}),
    Rule(does="forms", where="$.items[*].request", given={"form": "uuid"}),
    Rule(does="case", where="$.items[*].country"),
    Rule(does="whitespace", where="$.items[*].title"),
    Rule(does="url_host", where="$..href"),
    Rule(does="arrays", where="$.items[*].tags"),
    Rule(does="null_is_missing", where="$.items[*].note"),
)


def body(size: int) -> dict[str, Any]:
    """
    A page of a list of things, about so many bytes long.
    """
    random = Random(size)
    items: list[dict[str, Any]] = []
    length = 0
    while length < size:
        items.append(
            {
                "id": len(items),
                "title": f"Thing {len(items)}",
                "price": random.randrange(100_000) / 100,
                "stock": random.randrange(1000),
                "active": random.random() < 0.5,
                "tags": ["new", "sale"],
                "note": None,
            }
        )
        length += len(orjson.dumps(items[-1])) + 1
    return {"items": items, "meta": {"page": 1, "generated_at": "2024-05-01T10:00:00Z"}}


def changed(whole: dict[str, Any], differences: int) -> dict[str, Any]:
    """
    The body with so many values changed, evenly over its elements.
    """
    copy: dict[str, Any] = orjson.loads(orjson.dumps(whole))
    places = [(item, name) for item in copy["items"] for name in ("id", "title", "price", "stock", "active")]
    for item, name in places[:: len(places) // differences][:differences]:
        item[name] = item[name] + "!" if name == "title" else not item[name] if name == "active" else item[name] + 1
    return copy


def turned(value: Any) -> Any:
    """
    The same value with the members of every object in another order.
    """
    if isinstance(value, dict):
        return {name: turned(value[name]) for name in reversed(value)}
    return [turned(one) for one in value] if isinstance(value, list) else value


def bodies(size: int) -> Iterator[tuple[str, bytes, bytes]]:
    """
    Pairs of bodies, with what differs.
    """
    whole = body(size)
    old = orjson.dumps(whole)
    yield "0: white space", old, json.dumps(whole).encode()
    yield "0: order of members", old, orjson.dumps(turned(whole))
    yield "1", old, orjson.dumps(changed(whole, 1))
    yield "50", old, orjson.dumps(changed(whole, 50))


def book(*rules: Rule) -> Book:
    """
    An endpoint's book.
    """
    compiled = compile_rules(rules)
    return Book(endpoint="GET /things", body=compiled.body, fields=compiled.fields, any_field=compiled.any_field)


def answer(content: bytes, coding: str = "") -> Answer:
    """
    An answer as a comparer reads it.
    """
    return Answer(status=200, fields=(("content-type", MEDIA),), media=MEDIA, coding=coding, content=content)


def cost(run: Callable[[], object], seconds: float) -> float:
    """
    CPU µs of one run.
    """
    runs, spent = 0, 0.0
    while spent < seconds:
        before = time.process_time()
        run()
        spent += time.process_time() - before
        runs += 1
    return spent / runs * 1e6


def measure(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """
    The costs of several things, in turns: what slows the machine for a while slows all of them.
    """
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(cost(run, SECONDS))
    return found


def row(name: str, runs: dict[str, Callable[[], object]], rounds: int) -> None:
    """
    Print one line: what both things cost, and the first as a multiple of the second.
    """
    one, other = measure(runs, rounds).values()
    ratios = sorted(ours / theirs for ours, theirs in zip(one, other, strict=True))
    costs = f"{statistics.median(one):>12,.1f}{statistics.median(other):>12,.1f}"
    print(f"{name:<36}{costs}{statistics.median(ratios):>8.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})", flush=True)


def parses(old: bytes, new: bytes) -> Callable[[], object]:
    """
    What nobody can do without who reads both bodies.
    """
    return lambda: (orjson.loads(old), orjson.loads(new))


def judging(old: Answer, new: Answer, by: Book) -> Callable[[], object]:
    """
    What is measured.
    """
    return lambda: judge(old, new, by)


def compare_plain(size: str, rounds: int) -> None:
    """
    All pairs of one size, in JSON.
    """
    for differences, old, new in bodies(SIZES[size]):
        ours, theirs, floor = answer(old), answer(new), parses(old, new)
        found = len(judge(ours, theirs, book()).differences)
        assert found == int(differences.split(":")[0]), f"{found} differences found where {differences} are planted"
        row(f"{size}, {differences}", {"judge": judging(ours, theirs, book()), "parses": floor}, rounds)
        if differences in {"0: order of members", "1"}:
            row(
                f"{size}, {differences}, 10 rules",
                {"judge": judging(ours, theirs, book(*RULES)), "parses": floor},
                rounds,
            )
        if len(old) <= LARGEST_FOR_DEEPDIFF and differences in {"1", "50"}:
            values = orjson.loads(old), orjson.loads(new)
            row(f"{size}, {differences}, by DeepDiff", {"deep": lambda: DeepDiff(*values), "parses": floor}, 1)  # noqa: B023 - called at once


def compare_packed(size: str, rounds: int) -> None:
    """
    One difference, in gzip, of two levels as two implementations would write it.
    """
    whole = body(SIZES[size])
    old = gzip.compress(orjson.dumps(whole), 6)
    new = gzip.compress(orjson.dumps(changed(whole, 1)), 1)

    def floor() -> object:
        return orjson.loads(zlib.decompress(old, 31)), orjson.loads(zlib.decompress(new, 31))

    run = judging(answer(old, "gzip"), answer(new, "gzip"), book())
    row(f"{size}, 1, gzip (and undoing it)", {"judge": run, "parses": floor}, rounds)


def main() -> None:
    """
    The command.
    """
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=ROUNDS, help=f"for each line (default: {ROUNDS})")
    options.add_argument("--size", choices=SIZES, help="only this one")
    chosen = options.parse_args()
    # As a comparer does.
    sys.setrecursionlimit(FRAMES)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    print(f"{'µs of CPU per pair':<36}{'judge':>12}{'two parses':>12}{'ratio':>8} (all rounds)")
    for size in [chosen.size] if chosen.size else SIZES:
        compare_plain(size, chosen.rounds)
        compare_packed(size, chosen.rounds)


if __name__ == "__main__":
    main()
