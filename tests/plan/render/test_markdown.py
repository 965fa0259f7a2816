"""
Whatever people write stays text, in sentences, tables and code.
"""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from proxy.plan.render.markdown import Markdown, anchor, celled, code, escape, fence, file_name, listed, shown

MARKS = "\\`*_{}[]<>()#+-.!|~&;:= \"'/ab1\n"
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def text_of(markdown: str) -> str:
    """
    What a reader sees, if it is one paragraph of plain text.
    """
    paragraph = PARSER.parse(markdown)
    assert [token.type for token in paragraph] == ["paragraph_open", "inline", "paragraph_close"]
    kinds = {"text", "text_special", "entity", "softbreak"}
    inline = paragraph[1].children or []
    assert {child.type for child in inline} <= kinds
    return "".join(child.content for child in inline)


@given(st.text(alphabet=MARKS, min_size=1).filter(lambda text: bool(text.strip())))
@example("- a list")
@example("1. a list")
@example("&lt; &amp;lt;")
@example("# a heading #")
@example("<https://e.example>")
@example("_a_ b_c *d* ~~e~~ `f`")
def test_a_sentence_reads_as_it_was_written(text: str) -> None:
    """
    But for white space, of which there is one at a time.
    """
    words = " ".join(text.split())

    assert text_of(f"{escape(words)}") == words


@given(st.text(alphabet=MARKS, min_size=1).filter(lambda text: bool(text.strip())))
def test_code_reads_as_it_was_written(text: str) -> None:
    """
    However many backticks there are in it.
    """
    inline = PARSER.parse(f"a {code(text)} b")[1].children or []

    assert [child.type for child in inline] == ["text", "code_inline", "text"]
    assert inline[1].content == " ".join(text.split())


@given(st.text(alphabet=MARKS, min_size=1).filter(lambda text: bool(text.strip())))
def test_a_cell_holds_text_and_code(text: str) -> None:
    """
    A bar in it ends neither.
    """
    tokens = PARSER.parse(f"| a | b | c |\n|---|---|---|\n| {escape(text)} | {celled(text)} | end |\n")
    cells = [tokens[place + 1] for place, token in enumerate(tokens) if token.type == "td_open"]
    inline = cells[1].children or []

    assert len(cells) == 3
    assert [child.content for child in inline if child.type == "code_inline"] == [" ".join(text.split())]
    assert cells[2].content == "end"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("snake_case stays", "snake_case stays"),
        ("0.2 %", "0.2 %"),
        ("#channel", "#channel"),
        ("a | b", r"a \| b"),
        ("no\x00thing \u202ehidden", "nothing hidden"),
    ],
)
def test_what_needs_no_escape_has_none(text: str, written: str) -> None:
    """
    Sources are read too. What can't be seen is left out.
    """
    assert escape(text) == written


def test_what_is_markdown_is_left_alone() -> None:
    """
    By its type, and only by that.
    """
    assert shown(Markdown("**a**")) == "**a**"
    assert shown("**a**") == r"\*\*a\*\*"
    assert listed([Markdown("`a`"), "b|c"]) == r"`a`, b\|c"
    assert listed([]) == "–"


def test_a_block_of_code_ends_where_it_should() -> None:
    """
    Not where a line in it looks like its end.
    """
    tokens = PARSER.parse(fence(["one", "```", "two"]))

    assert [token.content for token in tokens] == ["one\n```\ntwo\n"]


def test_anchors_are_those_of_code_hosts() -> None:
    """
    Lower case, without punctuation, hyphens for spaces.
    """
    assert anchor("Stage 3: live-10, Über alle_s!") == "stage-3-live-10-über-alle_s"


def test_a_name_is_no_path() -> None:
    """
    Whatever a stage is called.
    """
    assert file_name(3, "../a/b c") == "03-..-a-b-c"
