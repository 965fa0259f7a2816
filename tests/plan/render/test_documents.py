"""
All documents together: those of the examples to the byte, links that lead somewhere, and words of a plan that stay
text.
"""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from proxy.plan.render.documents import render
from proxy.plan.render.markdown import anchor
from proxy.plan.render.running import read_running
from tests.parts.documents import EXAMPLES, book_from, book_of, status
from tests.plan.render.renew import GOLDEN, NAMES, all_of, documents

RENEW = "look at the difference, then: python -m tests.plan.render.renew"
SENTENCES = {"title", "success", "what", "why", "budget", "manual", "contact", "ticket", "milestone", "watch"}
PROJECT = Path(__file__).parents[3]
# What people could write, or paste, into a plan.
HOSTILE = (
    "a | b `c` ``d`` <script>alert(1)</script> <img src=x onerror=y> [e](https://f.example) *g* _h_ {{ 7 * 7 }} &lt; "
    "\\| ~~i~~"
)


def tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


@cache
def hostile() -> dict[str, str]:
    """
    The documents of the orders plan in which every sentence ends in something hostile.
    """
    values = spoiled(yaml.safe_load((EXAMPLES / "orders-read.yaml").read_text()))
    return render(book_from(yaml.safe_dump(values), "orders-read.yaml"))


def page_of(name: str) -> str:
    """
    The page of an example, whether or not it is golden.
    """
    return all_of(name)["index.html"]


def spoiled(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: spoiled(below, name) for name, below in value.items()}
    if isinstance(value, list):
        return [spoiled(below) for below in value]
    return f"{value} {HOSTILE}" if key in SENTENCES and isinstance(value, str) else value


@pytest.mark.parametrize("name", NAMES)
def test_documents_of_the_examples_are_golden(name: str) -> None:
    """
    To the byte, and there are no others.
    """
    found = documents(name)
    kept = {
        str(path.relative_to(GOLDEN / name)): path.read_bytes().decode()
        for path in (GOLDEN / name).rglob("*")
        if path.is_file()
    }

    assert sorted(found) == sorted(kept), RENEW
    for file, text in found.items():
        assert text == kept[file], f"{name}/{file}: {RENEW}"


def test_another_process_writes_the_same_bytes() -> None:
    """
    With other hashes, in another time zone.
    """
    program = (
        "import json; from tests.parts.documents import book_of; from proxy.plan.render.documents import render; "
        "print(json.dumps(render(book_of('orders-read'))))"
    )
    surroundings = {**os.environ, "PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland", "PYTHONPATH": str(PROJECT)}
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, env=surroundings, capture_output=True, text=True, check=True
    )

    assert json.loads(ran.stdout) == all_of("orders-read")


@pytest.mark.parametrize("name", NAMES)
def test_every_document_says_which_plan_it_is_of(name: str) -> None:
    """
    By its name and hash; the state too, once there is one.
    """
    for file, text in documents(name).items():
        if file.endswith(".md"):
            assert re.search(r"^> Plan `[\w-]+`, version `[0-9a-f]{12}`", text, re.MULTILINE), file
            assert ("state 17" in text) == (name == "orders-under-way"), file


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_a_document_and_a_heading(name: str) -> None:
    """
    As code hosts resolve them.
    """
    files = documents(name)
    places = {file: headings(text) for file, text in files.items()}

    for file, text in files.items():
        for target in links(text) if file.endswith(".md") else ():
            path, _, place = target.partition("#")
            to = normpath(join(dirname(file), path)) if path else file
            assert to in files, f"{file}: {target}"
            assert not place or place in places[to], f"{file}: {target}"


def links(text: str) -> list[str]:
    inline = [child for token in tokens(text) for child in token.children or ()]
    return [str(child.attrs["href"]) for child in inline if child.type == "link_open"]


def headings(text: str) -> set[str]:
    parsed = tokens(text)
    inline = [parsed[place + 1] for place, token in enumerate(parsed) if token.type == "heading_open"]
    return {anchor("".join(child.content for child in token.children or ())) for token in inline}


def test_what_a_plan_says_stays_text() -> None:
    """
    No HTML, no link, no emphasis and no cell of a table comes of it, and nothing of it is lost.
    """
    files = hostile()
    seen = 0
    for file, text in files.items():
        if not file.endswith(".md"):
            continue
        for token in tokens(text):
            inline = token.children or ()
            assert not [
                child for child in (token, *inline) if child.type in {"html_block", "html_inline", "em_open"}
            ], file
            said = "".join(child.content for child in inline if child.type in {"text", "code_inline", "text_special"})
            seen += said.count(HOSTILE)
        assert not [target for target in links(text) if target.startswith("https:")], file
        assert "49" not in "".join(re.findall(r"\{\{[^}]*\}\}", text))

    assert seen > 40


def test_tables_keep_their_columns() -> None:
    """
    Whatever stands in their cells: each row has as many as the head. A bar after a backslash ends none, however many
    backslashes there are.
    """
    for file, text in hostile().items():
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE) if file.endswith(".md") else ():
            rows = [len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()]
            assert len(set(rows)) == 1, f"{file}: {table[:200]}"


def test_a_plan_that_is_under_way_has_what_has_been() -> None:
    """
    Where it is, forecast beside actual, what gates and guards say, what is ticked off.
    """
    files = render(book_of("orders-read", read_running(json.dumps(status()), "status")))

    assert "at stage **live-10** (observing, attempt 2)" in files["plan.md"]
    assert "**The plan that runs is another version, `0123456789ab`.**" in files["plan.md"]
    assert "| 3 | staff | passed | Mon 8 Mar 2027, 09:00 | Mon 8 Mar 2027, 09:42 | 42 min later |" in files["plan.md"]
    assert "| 2 min 20 s | **pass**: 41 of 20,000 pairs, budget 0.2 % | 41 of 20,000 |" in files["checkpoints.md"]
    assert "Too few data of search for tail." in files["checkpoints.md"]
    assert "tripped: 41 of 900 pairs" in files["monitoring.md"]
    assert "| done | dave by mail |" in files["cutover-checklist.md"]
    assert "errors: tripped" in files["risk-register.md"]
    assert "live-10: **rollback** by parallax. guard errors" in files["final-report.md"]
    assert "**The plan hasn't ended" in files["final-report.md"]


def test_a_plan_that_is_over_has_a_final_report() -> None:
    """
    Which doesn't say that something is still to come.
    """
    running = read_running(json.dumps(status(phase="finished")), "status")
    report = render(book_of("orders-read", running))["final-report.md"]

    assert "hasn't ended" not in report
    assert "| phase | finished |" in report
    assert "To talk about afterwards" in report


def test_a_plan_without_a_configuration_has_documents_too() -> None:
    """
    They say what they lack.
    """
    text = (EXAMPLES / "orders-read.yaml").read_text().replace("config: orders.parallax.yaml", "config: not-there.yaml")
    files = render(book_from(text))

    assert "wasn't there when this page was written" in files["consistency.md"]
    assert "`not-there.yaml`" in files["architecture.md"]
