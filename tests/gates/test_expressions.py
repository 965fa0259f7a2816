"""
The expressions of events mean what they say, whatever they are made of; and what means nothing is refused in words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from proxy.gates.events import WORDS
from proxy.gates.expressions import DEEPEST, Expression, compile_expression

PAIRS = WORDS["pairs"]
Values = Mapping[str, bool | float | None]


@dataclass(frozen=True)
class Part:
    """
    A part of an expression, written so that nothing depends on what binds more: a sign and what it joins, or a word.
    """

    sign: str
    parts: tuple["Part", ...] = ()

    def text(self) -> str:
        """
        As an operator would write it, who doesn't trust rules of precedence.
        """
        match self.parts:
            case ():
                return self.sign
            case (one,):
                return f"{self.sign}({one.text()})"
            case _:
                return f"({f' {self.sign} '.join(part.text() for part in self.parts)})"

    def number(self, values: Values) -> Fraction | None:
        """
        What it comes to, None if it isn't known.
        """
        if not self.parts:
            value = values[self.sign] if self.sign in values else float(self.sign)
            return None if value is None else Fraction(value)
        numbers = [part.number(values) for part in self.parts]
        if any(number is None for number in numbers):
            return None
        one, *others = [number for number in numbers if number is not None]
        match self.sign, others:
            case "-", []:
                return -one
            case "+", [other]:
                return one + other
            case "-", [other]:
                return one - other
            case _, [other]:
                return one * other
        raise AssertionError(self)

    def holds(self, values: Values) -> bool | None:
        """
        The same of what is true or false: it holds if it does whatever the unknown is.
        """
        if not self.parts:
            value = values.get(self.sign.replace("error", "ok"))
            return None if value is None else bool(value) is not self.sign.endswith("error")
        if self.sign in {"<", "<=", ">", ">=", "=="}:
            one, other = (part.number(values) for part in self.parts)
            if one is None or other is None:
                return None
            return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other, "==": one == other}[
                self.sign
            ]
        known = [part.holds(values) for part in self.parts]
        if self.sign == "!":
            return None if known[0] is None else not known[0]
        decides = self.sign == "|"
        return decides if decides in known else None if None in known else not decides


def joined(sign: str, *parts: st.SearchStrategy[Part]) -> st.SearchStrategy[Part]:
    """
    Parts with a sign between them.
    """
    return st.tuples(*parts).map(lambda made: Part(sign, made))


# Exact in binary, so that no rounding decides.
NUMBERS = st.sampled_from(["0", "1", "2.5", "400", "1.25"]).map(Part)
LATENCIES = st.sampled_from(["old_ms", "new_ms"]).map(Part)
SUMS = st.recursive(
    NUMBERS | LATENCIES | joined("*", NUMBERS, LATENCIES) | joined("*", LATENCIES, NUMBERS),
    lambda inner: joined("+", inner, inner) | joined("-", inner, inner) | joined("-", inner),
    max_leaves=4,
)
COMPARISONS = st.one_of(*(joined(sign, SUMS, SUMS) for sign in ("<", "<=", ">", ">=", "==")))
FACTS = st.sampled_from(["old_ok", "new_ok", "old_error", "new_error", "mismatch", "failed"]).map(Part)
EXPRESSIONS = st.recursive(
    FACTS | COMPARISONS,
    lambda inner: joined("&", inner, inner) | joined("|", inner, inner, inner) | joined("!", inner),
    max_leaves=6,
)
MILLISECONDS = st.sampled_from([0.0, 1.0, 2.5, 160.0, 400.0, 402.5, 1e6])
# Latencies are known together, or not at all: one alone is nothing that could be compared.
VALUES = st.builds(
    lambda facts, latencies: {**facts, "old_ms": latencies[0], "new_ms": latencies[1]},
    st.fixed_dictionaries(dict.fromkeys(("old_ok", "new_ok", "mismatch", "failed"), st.none() | st.booleans())),
    st.just((None, None)) | st.tuples(MILLISECONDS, MILLISECONDS),
)


@given(part=EXPRESSIONS, values=VALUES)
def test_an_expression_is_what_its_parts_are(part: Part, values: Values) -> None:
    """
    Against an evaluation of the same tree by exact arithmetic.
    """
    made = compiled(part.text())
    if isinstance(made, str):
        event(f"refused: {made.split()[-1]}")
        assert "no latency makes a difference" in made or "are too many" in made or "within each other" in made
        return

    assert made.bad(values) is part.holds(values)
    assert compile_expression(made.text, PAIRS).bad(values) is part.holds(values)


def compiled(text: str) -> Expression | str:
    """
    The expression, or why it is refused.
    """
    try:
        return compile_expression(text, PAIRS)
    except ValueError as refused:
        return str(refused)


@given(text=st.text(alphabet="old_kmsew()<>=!&|+-*. 0123", max_size=60))
def test_anything_is_compiled_or_refused_with_its_column(text: str) -> None:
    """
    No text breaks the reader.
    """
    made = compiled(text)

    assert not isinstance(made, str) or 1 <= int(made.split(":")[0].removeprefix("column ")) <= len(text) + 1


KNOWN: dict[str, bool | float | None] = {
    "old_ok": True, "new_ok": False, "mismatch": True, "failed": False, "old_ms": 100.0, "new_ms": 120.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "is_bad"),
    [
        ("mismatch", True),
        ("old_ok & new_error", True),
        ("new_ms > 1.10 * old_ms + 2", True),
        ("new_ms > 1.25*old_ms+50", False),
        ("new_ms > 400 | new_error", True),
        ("!old_ok | new_ok & mismatch", False),
        ("old_error | new_ok | mismatch & !failed", True),
        ("1 + 2 * old_ms == 201", True),
        ("2 * old_ms - 1 - 1 == 198", True),
        ("-old_ms < -99", True),
        ("old_ok != new_ok", True),
        ("(old_ms + new_ms) * 0.5 >= 110", True),
    ],
)
def test_signs_bind_as_everywhere(text: str, is_bad: bool) -> None:
    """
    `*` before `+ -`, comparisons, `&`, `|`; and `!` and the sign of a number before all of them.
    """
    assert compile_expression(text, PAIRS).bad(KNOWN) is is_bad


@pytest.mark.parametrize(
    ("text", "unknown", "is_bad"),
    [
        ("mismatch", "mismatch", None),
        ("new_ms > 400", "new_ms", None),
        ("new_ms > 400 | new_error", "new_ms", True),
        ("new_ms > 400 | new_ok", "new_ms", None),
        ("new_ok & mismatch", "mismatch", False),
        ("new_ms > 1", "old_ms", True),
        ("new_ms > 1 + old_ms", "old_ms", None),
    ],
)
def test_what_is_not_known_makes_no_opportunity_unless_the_rest_decides(
    text: str, unknown: str, is_bad: bool | None
) -> None:
    """
    A slow answer isn't known to be one where latencies can't be compared; that it is an error is.
    """
    assert compile_expression(text, PAIRS).bad({**KNOWN, unknown: None}) is is_bad


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "column 1: something is missing; write a name"),
        ("mismatch >", "column 11: something is missing"),
        ("mismatch > 3", "column 10: > can't compare a number with something true or false"),
        ("new_ms", "column 1: this is a number, and an event is something true or false"),
        ("new_ms & mismatch", "column 1: this is a number, and & joins what is true or false"),
        ("mismatch & 3", "column 12: this is a number, and & joins"),
        ("mismatch + 3 > 2", "column 1: + is for numbers"),
        ("3 + mismatch > 2", "column 5: + is for numbers"),
        ("!new_ms > 3", "column 2: this is a number, and ! turns"),
        ("old_ms * new_ms > 3", "column 8: two latencies can't be multiplied"),
        ("1 < new_ms < 3", "column 12: only two things are compared at a time"),
        ("1 < 2", "column 3: no latency makes a difference here"),
        ("old_ok < new_ok", "column 8: < compares numbers; write == or !="),
        ("new_ms > 3 new_error", "column 12: new_error is not expected here; write & or |"),
        ("(mismatch", "column 10: the parenthesis of column 1 isn't closed"),
        ("mismatch)", "column 9: ) is not expected here"),
        ("old_ok && new_error", "column 8: && means nothing here; write &"),
        ("old_ok and new_error", "column 8: and is not expected here; write & or |"),
        ("not mismatch", "column 1: not is nothing that is known here; write !"),
        ("new_ms = 3", "column 8: = means nothing here; write =="),
        ("new_p99 > 3", "column 1: new_p99 is nothing that is known here; write old_ok, old_error"),
        ("new_ms > 4 / 2", "column 12: / means nothing here"),
        ("__import__('os')", "column 1: __import__ is nothing that is known here"),
        ("(" * (DEEPEST + 1) + "mismatch", f"column {DEEPEST + 1}: more than {DEEPEST} parts are within each other"),
        ("mismatch | " * 100, "1100 characters are too many; write 500 at most"),
    ],
)
def test_what_means_nothing_is_refused_with_what_would_be_right(text: str, said: str) -> None:
    """
    With the column that it begins at.
    """
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is looked at
        compile_expression(text, PAIRS)

    assert str(refused.value).startswith(said)
