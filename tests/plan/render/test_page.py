"""
The page: everything in one file, that asks nobody for anything, with links that lead somewhere.
"""

import re
from html.parser import HTMLParser

import pytest

from tests.plan.render.renew import NAMES
from tests.plan.render.test_documents import HOSTILE, hostile, page_of

VOID = {"meta", "br", "hr", "img", "link", "input"}
DRAWN = {"svg", "g", "rect", "line", "path", "text", "title", "defs", "marker"}


class Reader(HTMLParser):
    """
    What is on a page; elements have to be closed in the order in which they were opened.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def values(page: Reader, name: str) -> list[str]:
    return [value for _, one, value in page.attributes if one == name]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_needs_nothing_else(name: str) -> None:
    """
    No script, no picture, no font, no request.
    """
    text = page_of(name)
    page = Reader(text)

    assert not page.tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert not [one for _, one, _ in page.attributes if one.startswith("on") or one in {"src", "srcset", "style"}]
    assert not re.search(r"url\((?!#)|@import|@font-face", text)
    assert all(target.startswith(("#", "data:")) for target in values(page, "href"))


@pytest.mark.parametrize("name", NAMES)
def test_links_on_the_page_lead_somewhere(name: str) -> None:
    """
    Each to one place.
    """
    page = Reader(page_of(name))
    places = values(page, "id")

    assert len(places) == len(set(places))
    assert {target[1:] for target in values(page, "href") if target.startswith("#")} <= set(places)


def test_a_plan_cannot_put_anything_onto_the_page() -> None:
    """
    Not with HTML, not with Markdown, not with a template's braces, neither in a document nor in a drawing.
    """
    page = Reader(hostile()["index.html"])

    assert "script" not in page.tags
    assert not [value for _, name, value in page.attributes if name == "onerror" or "f.example" in value]
    assert page.words.replace("\N{NO-BREAK SPACE}", " ").count(HOSTILE) > 40


def test_diagrams_are_drawn() -> None:
    """
    As SVG, and not left to a script: one chart, one picture of both sides.
    """
    text = page_of("orders-read")

    assert text.count("<svg ") == 2
    assert "flowchart" not in text
    assert "dateFormat" not in text
    assert set(re.findall(r"<(\w+)", "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL)))) <= DRAWN
