"""
The kinds of value that only a plan has: spans of time, multiples of a budget, repetitions, slopes; `times` has those of
the calendar.

As in `proxy.settings.kinds`, each `parse_…` takes what YAML gave, returns the value, and raises `ValueError` saying
what is wrong and, after a semicolon, what would be right.
"""

import re
import shlex
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, PlainValidator

from proxy.settings.access import NAME as PERSON
from proxy.settings.kinds import TOKEN, Kind, parse_seconds, show_number
from proxy.settings.quote import quote
from proxy.settings.rewrite import ELSEWHERE, VALUE
from proxy.settings.routes import parse_name

REPEATED = re.compile(r"(\d{1,4}) of (\d{1,4})")
MULTIPLE = re.compile(r"(\d+(?:\.\d+)?)x")
SLOPE = re.compile(r"(-?\d+(?:\.\d+)?)(%?)/(s|m|h|d)")
URL = re.compile(r"[a-z][a-z0-9+.-]*://[!-~]+")
HTTP_URL = re.compile(r"https?://[!-~]+")
CONTROL = re.compile(r"(gate|guard|checklist|stage|route):([A-Za-z0-9][A-Za-z0-9._-]{0,63})", re.ASCII)
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE]\+?\d+)?")


class Span(NamedTuple):
    """
    At least and at most so many seconds.
    """

    least: float
    most: float


class Repeated(NamedTuple):
    """
    So many of the last.
    """

    needed: int
    of: int


class Multiple(NamedTuple):
    """
    A rate as a multiple of a budget, or by itself.
    """

    value: float
    times: bool

    def of(self, budget: float) -> float:
        """
        The rate, for this budget.
        """
        return self.value * budget if self.times else self.value


class Slope(NamedTuple):
    """
    A change per second: of the value itself, or as a share of it.
    """

    per_second: float
    relative: bool


def parse_span(value: object) -> Span:
    """
    "2h..2d", or "2h" for at least that, and at most ten times as long.
    """
    remedy = "write the least and the most, such as 2h..2d"
    if not isinstance(value, str):
        value = f"{value}s" if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(value, str):
        raise ValueError(f"{quote(value)} is no span of time; {remedy}")
    first, dots, last = value.partition("..")
    least, most = _seconds(first, value, remedy), _seconds(last, value, remedy) if dots else None
    if most is not None and most < least:
        raise ValueError(f"{quote(value)} ends before it begins; {remedy}")
    return Span(least, 10 * least if most is None else most)


def _seconds(text: str, whole: str, remedy: str) -> float:
    try:
        seconds = parse_seconds(text.strip())
    except ValueError:
        seconds = None
    if not isinstance(seconds, float):
        raise ValueError(f"{quote(whole)} is no span of time; {remedy}")
    return seconds


def parse_repeated(value: object) -> Repeated:
    """
    "3 of 10": so many of the last so many.
    """
    match = REPEATED.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match[1]) <= int(match[2]) <= 1000:
        raise ValueError(f"{quote(value)} says not how many of how many; write such as 3 of 10")
    return Repeated(int(match[1]), int(match[2]))


def parse_multiples(value: object) -> tuple[Multiple, ...]:
    """
    Rates that a guard is to notice: "4x" is four times its budget, 0.6 is a rate.
    """
    remedy = "write a list such as [2x, 10x, 0.6]"
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{quote(value)} is no list of rates; {remedy}")
    return tuple(_multiple(item, remedy) for item in value)


def _multiple(item: object, remedy: str) -> Multiple:
    if isinstance(item, float) and 0 < item < 1:
        return Multiple(item, times=False)
    match = MULTIPLE.fullmatch(item) if isinstance(item, str) else None
    if match is None or float(match[1]) <= 1:
        raise ValueError(f"{quote(item)} is no rate above the budget; {remedy}")
    return Multiple(float(match[1]), times=True)


def parse_slope(value: object) -> Slope:
    """
    "5%/h" is a share of the value in an hour, "10/h" is ten of its own.
    """
    match = SLOPE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{quote(value)} is no slope; write such as 5%/h or 10/m")
    seconds = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}[match[3]]
    relative = bool(match[2])
    return Slope(float(match[1]) / (100.0 if relative else 1.0) / seconds, relative)


def parse_names(value: object) -> tuple[str, ...]:
    """
    One name, or a list of names.
    """
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise ValueError(f"{quote(value)} is no list of names; write such as [search, read]")
    return tuple(dict.fromkeys(parse_name(item) for item in items))


def parse_control(value: object) -> str:
    """
    What defends against something: gate:NAME, guard:NAME, checklist:NAME, stage:NAME or route:NAME.
    """
    if not isinstance(value, str) or CONTROL.fullmatch(value) is None:
        raise ValueError(f"{quote(value)} names nothing; write gate:, guard:, checklist:, stage: or route: and a name")
    return value


def parse_controls(value: object) -> tuple[str, ...]:
    """
    One, or a list of them.
    """
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not items:
        raise ValueError(f"{quote(value)} is no list of controls; write such as [gate:mismatch, guard:old-fails]")
    return tuple(dict.fromkeys(parse_control(item) for item in items))


def parse_people(value: object) -> tuple[str, ...]:
    """
    One name of a token, or a list of them.
    """
    remedy = "write the names of tokens, such as [alice, bob]"
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise ValueError(f"{quote(value)} is no list of people; {remedy}")
    for item in items:
        if not isinstance(item, str) or PERSON.fullmatch(item) is None:
            raise ValueError(f"{quote(item)} is no name of a token; {remedy}")
    return tuple(dict.fromkeys(items))


def parse_person(value: object) -> str | None:
    """
    One name of a token.
    """
    return None if value is None else parse_people(value if isinstance(value, str) else [value])[0]


def parse_many(value: object) -> float:
    """
    A number of things, also as 5e6, which YAML takes for a text.
    """
    if isinstance(value, str) and NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{quote(value)} is no number; write such as 5000000 or 5e6")
    return float(value)


def parse_sentence(value: object) -> str:
    """
    Words that say something.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{quote(value)} says nothing; write a sentence for people")
    return " ".join(value.split())


def parse_budget(value: object) -> float:
    """
    A share between 0 and 1, both excluded: of nothing allowed, and of everything allowed, there is no evidence.
    """
    remedy = "write a share between 0 and 1, such as 0.002 for 0.2 %"
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise ValueError(f"{quote(value)} is no budget; {remedy}")
    return float(value)


def parse_command(value: object) -> tuple[str, ...] | None:
    """
    A program and its arguments, as a list or as one would type them; no shell sees them.
    """
    remedy = "write a program and its arguments, such as checks/backup-age.sh --hours 24"
    if value is None:
        return None
    try:
        words = tuple(shlex.split(value)) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"{quote(value)} has a quote that is not closed; {remedy}") from None
    if not isinstance(words, list | tuple) or not words or not all(isinstance(word, str) and word for word in words):
        raise ValueError(f"{quote(value)} is no command; {remedy}")
    return tuple(words)


def parse_secret(value: object) -> str | None:
    """
    Where a secret is: an environment variable or a file. It isn't repeated: it may be the secret itself.
    """
    if value is None:
        return None
    if not isinstance(value, str) or ELSEWHERE.fullmatch(value) is None:
        raise ValueError("is not where a secret is; write env:NAME, or file:PATH relative to this file")
    return value


def parse_target(value: object) -> str | None:
    """
    Where messages and questions go: a URL, or where a URL is that holds a secret.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not (ELSEWHERE.fullmatch(value) or URL.fullmatch(value)):
        raise ValueError("is no URL; write one, or env:NAME or file:PATH for one that holds a secret")
    return value


def parse_http(value: object) -> str:
    """
    An http or https URL.
    """
    if not isinstance(value, str) or HTTP_URL.fullmatch(value) is None:
        raise ValueError(f"{quote(value)} is no URL; write such as http://prometheus:9090")
    return value


def parse_headers(value: object) -> dict[str, str]:
    """
    Header fields by name. Values aren't repeated: they may be secrets.
    """
    remedy = "write such as {authorization: 'env:HOOK_TOKEN'}"
    if not isinstance(value, dict):
        raise ValueError(f"is no mapping of header fields; {remedy}")
    for name, said in value.items():
        if not isinstance(name, str) or TOKEN.fullmatch(name) is None:
            raise ValueError(f"{quote(name)} is no name of a header field; {remedy}")
        if not isinstance(said, str) or VALUE.fullmatch(said) is None:
            raise ValueError(f"the value of {name} is no text of one line; {remedy}")
    return {name.lower(): said for name, said in value.items()}


def show_span(span: Span) -> str:
    """
    As one writes it: 10m..1d.
    """
    return f"{show_time(span.least)}..{show_time(span.most)}"


def show_time(seconds: float) -> str:
    """
    The largest unit that is exact: 2h, 90s.
    """
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{show_number(seconds // size)}{unit}"
    return f"{show_number(seconds)}s"


def show_names(value: tuple[str, ...]) -> str:
    """
    A list in brackets.
    """
    return f"[{', '.join(value)}]"


def show_multiples(value: tuple[Multiple, ...]) -> str:
    """
    As one writes them: [2x, 0.6].
    """
    return show_names(tuple(f"{show_number(one.value)}x" if one.times else str(one.value) for one in value))


def _show_optional(value: object) -> str:
    return "null" if value is None else str(value)


SpanOfTime = Annotated[Span, PlainValidator(parse_span), Kind(words="at least..at most", show=show_span)]
RepeatedTimes = Annotated[
    Repeated,
    PlainValidator(parse_repeated),
    Kind(words="how many of how many", show=lambda value: f"{value.needed} of {value.of}"),
]
Multiples = Annotated[
    tuple[Multiple, ...],
    PlainValidator(parse_multiples),
    Kind(words="list of rates, or multiples of the budget", show=show_multiples, text=False),
]
SlopePerTime = Annotated[Slope, PlainValidator(parse_slope), Kind(words="change in a time", show=str)]
NameList = Annotated[
    tuple[str, ...], PlainValidator(parse_names), Kind(words="list of names", show=show_names, text=False)
]
People = Annotated[
    tuple[str, ...], PlainValidator(parse_people), Kind(words="list of names of tokens", show=show_names, text=False)
]
Control = Annotated[str, PlainValidator(parse_control), Kind(words="gate:NAME or guard:NAME", show=str)]
Controls = Annotated[
    tuple[str, ...], PlainValidator(parse_controls), Kind(words="list of controls", show=show_names, text=False)
]
Person = Annotated[str | None, PlainValidator(parse_person), Kind(words="name of a token", show=_show_optional)]
Many = Annotated[float, BeforeValidator(parse_many), Kind(words="number", show=lambda value: f"{value:g}", text=False)]
Sentence = Annotated[str, PlainValidator(parse_sentence), Kind(words="sentence", show=str)]
Budget = Annotated[float, PlainValidator(parse_budget), Kind(words="share between 0 and 1", show=str, text=False)]
CommandLine = Annotated[
    tuple[str, ...] | None,
    PlainValidator(parse_command),
    Kind(words="program and arguments", show=lambda value: "null" if value is None else shlex.join(value)),
]
Secret = Annotated[str | None, PlainValidator(parse_secret), Kind(words="env:NAME or file:PATH", show=_show_optional)]
Target = Annotated[
    str | None, PlainValidator(parse_target), Kind(words="URL, env:NAME or file:PATH", show=_show_optional)
]
Headers = Annotated[
    dict[str, str],
    PlainValidator(parse_headers),
    Kind(words="names with values", show=lambda _: "{}", text=False),
]
HttpUrl = Annotated[str, PlainValidator(parse_http), Kind(words="URL", show=str)]
