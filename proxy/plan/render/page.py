"""
All documents of a plan as one HTML page that needs nothing else: no script, no request, no font.

The Markdown documents are its source; raw HTML in them stays text. Diagrams are drawn here, as SVG.
"""

import base64
import re
from collections import Counter
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import pairwise
from posixpath import dirname, join, normpath
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup

from proxy.plan.render import drawing, gantt
from proxy.plan.render.book import Book
from proxy.plan.render.markdown import anchor

NUMBER_AND_UNIT = re.compile(r"(?<=\d) (?=(?:%|min|h|d|s|MiB|KiB)(?:\W|$))")
KEY = "Bars: as expected. Thin lines: until the latest. Shaded: freezes."
MEDIA = {".ics": "text/calendar", ".yml": "application/yaml"}


@dataclass(frozen=True, slots=True)
class Section:
    """
    A document on the page; `below` are headings within it for the table of contents: place and words.
    """

    id: str
    title: str
    body: Markup
    below: tuple[tuple[str, str], ...]
    group: str


class Writer(RendererHTML):
    """
    Markdown as this page wants it. `env` has the file, the book and all files by name.
    """

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: dict[str, Any]) -> str:
        """
        Tables scroll by themselves; those without a heading row are lists of facts.
        """
        end = next(place for place in range(idx, len(tokens)) if tokens[place].type == "thead_close")
        facts = not any(token.content.strip() for token in tokens[idx:end])
        return f'<div class="scroll"><table{" class=facts" if facts else ""}>\n'

    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        """
        Words; a number and its unit stay on one line.
        """
        return NUMBER_AND_UNIT.sub("\N{NO-BREAK SPACE}", escape(tokens[idx].content))

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: dict[str, Any]) -> str:
        """
        The end of it.
        """
        return "</table></div>\n"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        """
        Commands as they are; instead of Mermaid's words, the drawing.
        """
        token = tokens[idx]
        if token.info.strip() == "mermaid":
            if token.content.startswith("gantt"):
                return f'<div class="scroll">{gantt.svg(env["book"])}</div>\n<p class="key">{KEY}</p>\n'
            return f'<div class="scroll">{drawing.svg(env["book"])}</div>\n'
        return f"<pre><code>{escape(token.content)}</code></pre>\n"

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: dict[str, Any]) -> str:
        """
        To another document: to its place on the page. To another file: the file itself, within the link.
        """
        target = str(tokens[idx].attrs.get("href", ""))
        return f"<a {escape_link(target, env['file'], env['files'])}>"


def escape_link(target: str, file: str, files: Mapping[str, str]) -> str:
    """
    The attributes of a link that stands in `file`.
    """
    path, _, place = target.partition("#")
    name = normpath(join(dirname(file), path)) if path else file
    if name.endswith(".md"):
        return f'href="#{escape(section_id(name) + (f"--{place}" if place else ""))}"'
    if name in files:
        ending = name[name.rindex(".") :]
        data = base64.b64encode(files[name].encode()).decode()
        return f'download="{escape(name)}" href="data:{MEDIA.get(ending, "text/plain")};base64,{data}"'
    return 'href="#"'


def section_id(file: str) -> str:
    """
    How a document is called on the page.
    """
    return file.removesuffix(".md").replace("/", "-")


def render_page(book: Book, files: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """
    The page, from the documents that are in `files`; `titles` are short ones for the contents, by file.
    """
    made = environment()
    assert made.loader is not None
    style, _, _ = made.loader.get_source(made, "page.css")
    sections = [_section(book, file, files, titles) for file in files if file.endswith(".md")]
    return made.get_template("page.html.j2").render(
        book=book, sections=sections, style=_made(style), weights=gantt.weights, files=attached(files)
    )


@cache
def environment() -> Environment:
    """
    Templates that escape for HTML. They are compiled once.
    """
    return Environment(
        loader=PackageLoader("proxy.plan.render", "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def attached(files: Mapping[str, str]) -> list[tuple[str, Markup]]:
    """
    Files that are no documents, each with the attributes of a link that holds it.
    """
    return [(name, _made(escape_link(name, "", files))) for name in files if not name.endswith(".md")]


def _section(book: Book, file: str, files: Mapping[str, str], titles: Mapping[str, str]) -> Section:
    writer = MarkdownIt("commonmark", {"html": False}, renderer_cls=Writer).enable("table")
    tokens = writer.parse(files[file])
    heading, below = _place_headings(tokens, section_id(file))
    body = writer.renderer.render(tokens, writer.options, {"file": file, "book": book, "files": files})
    return Section(
        id=section_id(file), title=titles.get(file, heading), body=_made(body), below=tuple(below), group=dirname(file)
    )


def _place_headings(tokens: Sequence[Token], prefix: str) -> tuple[str, list[tuple[str, str]]]:
    """
    Give headings their ids, one level further down: the page has a title of its own.
    """
    title, below = "", []
    seen: Counter[str] = Counter()
    for token, inline in pairwise(tokens):
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{int(token.tag[1]) + 1}"
        if token.type != "heading_open":
            continue
        words = "".join(child.content for child in inline.children or ())
        place = anchor(words)
        number, seen[place] = seen[place], seen[place] + 1
        token.attrSet("id", f"{prefix}--{place}{f'-{number}' if number else ''}")
        if token.tag == "h2":
            title = words
        elif token.tag == "h3":
            below.append((str(token.attrs["id"]), words))
    return title, below


def _made(html: str) -> Markup:
    """
    HTML of our own making, in which everything that a plan says is escaped already.
    """
    return Markup(html)  # noqa: S704 - that is what this function is for
