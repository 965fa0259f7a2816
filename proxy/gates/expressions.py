"""
The expressions that say what a bad event is: `mismatch`, `old_ok & new_error`, `new_ms > 1.10 * old_ms + 2`.

Words: booleans (`new_ok`), latencies in milliseconds (`new_ms`) and numbers; `+ - *` with numbers, `< <= > >= == !=`,
`! & |` and parentheses, which bind as everywhere. Booleans and numbers are never mixed. An expression is read once,
into closures; nothing of it is evaluated as Python.

Three values: what isn't known is None, and so is all that depends on it: None | True is True, None & False is False.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

# Characters, and parentheses (or signs, or `!`) within each other: far more than anybody can read.
LONGEST: Final = 500
DEEPEST: Final = 20
# What an event may be made of besides latencies, by its place among the values that it is judged by.
FACTS: Final = ("old_ok", "new_ok", "mismatch", "failed")

# By sign: from a, b and c to whether a × old_ms + b × new_ms compares so with c. Each is one call: 0.08 µs.
COMPARE: Final[dict[str, Callable[[float, float, float], Callable[[float, float], bool]]]] = {
    "<": lambda a, b, c: lambda old, new: a * old + b * new < c,
    "<=": lambda a, b, c: lambda old, new: a * old + b * new <= c,
    ">": lambda a, b, c: lambda old, new: a * old + b * new > c,
    ">=": lambda a, b, c: lambda old, new: a * old + b * new >= c,
    "==": lambda a, b, c: lambda old, new: a * old + b * new == c,
    "!=": lambda a, b, c: lambda old, new: a * old + b * new != c,
}
TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>[0-9]{1,12}(?:\.[0-9]{1,12})?)|(?P<name>[A-Za-z_][A-Za-z_0-9]*)|(?P<sign>[<>=!]=|[-+*<>&|!()]))"
)
# What people write who know another language, and what it is called here.
ELSEWHERE: Final = {"&&": "&", "||": "|", "and": "&", "or": "|", "not": "!", "=": "=="}

# Facts and comparisons of latencies, in the order of `FACTS` and `Expression.measures` -> bad, good or not known.
Judge = Callable[[Sequence[bool | None]], bool | None]


class Linear(NamedTuple):
    """
    old × old_ms + new × new_ms + constant.
    """

    old: float
    new: float
    constant: float

    @property
    def is_number(self) -> bool:
        """
        Whether no latency is in it.
        """
        return not self.old and not self.new


class Measure(NamedTuple):
    """
    A comparison of latencies.
    """

    left: Linear
    sign: str
    right: Linear

    def compiled(self) -> Callable[[float, float], bool]:
        """
        Whether it holds for these latencies of old and new, in milliseconds.
        """
        (a, b, c), (d, e, f) = self.left, self.right
        return COMPARE[self.sign](a - d, b - e, f - c)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """
    A compiled expression. `text` is its one spelling, `judge` takes the facts and, after them, what came of `measures`.
    """

    text: str
    measures: tuple[Measure, ...]
    judge: Judge

    def bad(self, values: Mapping[str, bool | float | None]) -> bool | None:
        """
        Whether what these values tell of is bad; None: it is no opportunity, as something needed isn't known. Latencies
        count only where all that are asked for are known.
        """
        old, new = values.get("old_ms"), values.get("new_ms")
        measured = [
            None
            if (old is None and (left.old or right.old)) or (new is None and (left.new or right.new))
            else Measure(left, sign, right).compiled()(old or 0.0, new or 0.0)
            for left, sign, right in self.measures
        ]
        facts = [None if (fact := values.get(name)) is None else bool(fact) for name in FACTS]
        return self.judge((*facts, *measured))


def compile_expression(text: str, words: Mapping[str, str]) -> Expression:
    """
    Compiles an expression in which these `words` may be used, each for a fact, a fact with `!` before it, or `old_ms`
    or `new_ms`. Raises ValueError: a sentence with the column, and what would be right.
    """
    if len(text) > LONGEST:
        raise ValueError(f"{len(text)} characters are too many; write {LONGEST} at most")
    reader = _Reader(text, words)
    judge = reader.boolean(reader.either(), 1, "an event is something true or false, such as new_ms > 400")
    if reader.sign:
        raise reader.wrong(f"{reader.sign} is not expected here; write & or | between two parts")
    return Expression(text=" ".join(reader.read), measures=tuple(reader.measures), judge=judge)


class _Reader:
    """
    Reads from left to right; `sign` and `column` are of the token that comes next, "" at the end. A part is a `Linear`
    or a closure.
    """

    def __init__(self, text: str, words: Mapping[str, str]) -> None:
        self._text = text
        self._words = words
        self._at = 0
        self._depth = 0
        self.read: list[str] = []
        self.measures: list[Measure] = []
        self.sign, self.column, self._kind = "", 1, ""
        self._next()

    def wrong(self, said: str, column: int | None = None) -> ValueError:
        """
        What is wrong, and where.
        """
        return ValueError(f"column {self.column if column is None else column}: {said}")

    def boolean(self, part: Linear | Judge, column: int, said: str) -> Judge:
        """
        The part, which begins at this column, if it is true or false.
        """
        if isinstance(part, Linear):
            raise self.wrong(f"this is a number, and {said}", column)
        return part

    def _next(self) -> None:
        rest = self._text[self._at :]
        self.column = self._at + len(rest) - len(rest.lstrip()) + 1
        if not rest.strip():
            self.sign = self._kind = ""
            return
        found = TOKEN.match(self._text, self._at)
        seen = rest.strip()[:2]
        if found is None or seen in ELSEWHERE:
            word = seen if seen in ELSEWHERE else seen[0]
            raise self.wrong(f"{word} means nothing here; {self._remedy(word)}")
        self._at = found.end()
        self._kind = found.lastgroup or ""
        self.sign = found[self._kind]

    def _remedy(self, word: str) -> str:
        if word in ELSEWHERE:
            return f"write {ELSEWHERE[word]}"
        return "write names, numbers, + - * < <= > >= == != & | ! and parentheses"

    def _take(self) -> tuple[str, int]:
        taken = self.sign, self.column
        self.read.append(self.sign)
        self._next()
        return taken

    # From what binds least to what binds most...

    def either(self) -> Linear | Judge:
        """
        Parts with | between them.
        """
        return self._chain("|", self._all, _either)

    def _all(self) -> Linear | Judge:
        return self._chain("&", self._comparison, _both)

    def _chain(
        self, sign: str, part: Callable[[], Linear | Judge], join: Callable[[Judge, Judge], Judge]
    ) -> Linear | Judge:
        column = self.column
        made = part()
        while self.sign == sign:
            said = f"{sign} joins what is true or false; write a comparison, such as new_ms > 400"
            one = self.boolean(made, column, said)
            self._take()
            column = self.column
            made = join(one, self.boolean(part(), column, said))
        return made

    def _comparison(self) -> Linear | Judge:
        left = self._sum()
        if self.sign not in COMPARE:
            return left
        sign, column = self._take()
        right = self._sum()
        if self.sign in COMPARE:
            raise self.wrong(f"only two things are compared at a time; write a {sign} b & b {self.sign} c")
        if isinstance(left, Linear) and isinstance(right, Linear):
            return self._measure(Measure(left, sign, right), column)
        if isinstance(left, Linear) or isinstance(right, Linear):
            raise self.wrong(f"{sign} can't compare a number with something true or false; compare two numbers", column)
        if sign not in {"==", "!="}:
            raise self.wrong(f"{sign} compares numbers; write == or != for what is true or false", column)
        return _same(left, right, sign == "==")

    def _measure(self, measure: Measure, column: int) -> Judge:
        (a, b, _), (d, e, _) = measure.left, measure.right
        if (a, b) == (d, e):
            raise self.wrong("no latency makes a difference here; compare one, such as new_ms > 400", column)
        if measure not in self.measures:
            self.measures.append(measure)
        return _value(len(FACTS) + self.measures.index(measure))

    def _sum(self) -> Linear | Judge:
        column = self.column
        made = self._product()
        while self.sign in {"+", "-"}:
            sign, _ = self._take()
            one, column = self._number(made, column, sign), self.column
            other = self._number(self._product(), column, sign)
            factor = 1.0 if sign == "+" else -1.0
            made = Linear(*(mine + factor * theirs for mine, theirs in zip(one, other, strict=True)))
        return made

    def _product(self) -> Linear | Judge:
        column = self.column
        made = self._one()
        while self.sign == "*":
            sign, at = self._take()
            one, column = self._number(made, column, sign), self.column
            other = self._number(self._one(), column, sign)
            if not one.is_number and not other.is_number:
                raise self.wrong(
                    "two latencies can't be multiplied; write a number times one, such as 1.1 * old_ms", at
                )
            factor, scaled = (one, other) if one.is_number else (other, one)
            made = Linear(*(factor.constant * value for value in scaled))
        return made

    def _number(self, part: Linear | Judge, column: int, sign: str) -> Linear:
        if not isinstance(part, Linear):
            raise self.wrong(f"{sign} is for numbers, and this is true or false; write & or | between such", column)
        return part

    def _one(self) -> Linear | Judge:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self.wrong(f"more than {DEEPEST} parts are within each other; write it flatter")
        kind = self._kind
        word, column = self._take() if self.sign else ("", self.column)
        if kind == "number":
            made: Linear | Judge = Linear(0.0, 0.0, float(word))
        elif kind == "name":
            made = self._name(word, column)
        else:
            made = self._signed(word, column)
        self._depth -= 1
        return made

    def _signed(self, sign: str, column: int) -> Linear | Judge:
        if sign == "(":
            made = self.either()
            if self.sign != ")":
                raise self.wrong(f"the parenthesis of column {column} isn't closed; write )")
            self._take()
            return made
        if sign == "!":
            at = self.column
            return _not(self.boolean(self._one(), at, "! turns what is true or false around; write !(new_ms > 400)"))
        if sign == "-":
            at = self.column
            return Linear(*(-value for value in self._number(self._one(), at, sign)))
        said = f"{sign} is not expected here" if sign else "something is missing"
        raise self.wrong(f"{said}; write a name, a number or (", column)

    def _name(self, name: str, column: int) -> Linear | Judge:
        meant = self._words.get(name)
        if meant is None:
            remedy = self._remedy(name) if name in ELSEWHERE else f"write {', '.join(self._words)}"
            raise self.wrong(f"{name} is nothing that is known here; {remedy}", column)
        if meant in {"old_ms", "new_ms"}:
            return Linear(float(meant == "old_ms"), float(meant == "new_ms"), 0.0)
        value = _value(FACTS.index(meant.removeprefix("!")))
        return _not(value) if meant.startswith("!") else value


# Closures...


def _value(place: int) -> Judge:
    return lambda values: values[place]


def _not(part: Judge) -> Judge:
    def judge(values: Sequence[bool | None]) -> bool | None:
        value = part(values)
        return None if value is None else not value

    return judge


def _both(one: Judge, other: Judge) -> Judge:
    def judge(values: Sequence[bool | None]) -> bool | None:
        mine, theirs = one(values), other(values)
        if mine is False or theirs is False:
            return False
        return None if mine is None or theirs is None else True

    return judge


def _either(one: Judge, other: Judge) -> Judge:
    def judge(values: Sequence[bool | None]) -> bool | None:
        mine, theirs = one(values), other(values)
        if mine or theirs:
            return True
        return None if mine is None or theirs is None else False

    return judge


def _same(one: Judge, other: Judge, is_same: bool) -> Judge:
    def judge(values: Sequence[bool | None]) -> bool | None:
        mine, theirs = one(values), other(values)
        return None if mine is None or theirs is None else (mine is theirs) is is_same

    return judge
