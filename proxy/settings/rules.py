"""
The kinds of value that rules are written in: under `compare:` for all endpoints, under `compare.endpoints` for one.

A rule is a path (`$.meta.generated_at`, `header:x-served-by`), or a mapping with a path and what else it needs. Each
is compiled here once, so that one that can't be used is refused with its place.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainValidator

from proxy.compare.forms import FORM_NAMES
from proxy.compare.rules import Rule, compile_rules
from proxy.settings.kinds import ENDPOINT, TOKEN, Kind, parse_seconds
from proxy.settings.quote import quote

HEADER: Final = "header:"
WHERE: Final = "write a path such as $.items[*].id, or header:NAME"

# What each rule needs besides a path, and what it may have. A path itself may be left out where the rule is narrow.
NEEDS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "ignore_values": (frozenset({"pattern"}), frozenset({"path"})),
    "numbers": (frozenset({"path"}), frozenset({"abs", "rel"})),
    "times": (frozenset({"path", "within"}), frozenset()),
    "forms": (frozenset({"path", "form"}), frozenset()),
    "rewrite": (frozenset({"pattern", "with"}), frozenset({"path"})),
    "arrays": (frozenset({"path"}), frozenset({"as", "key"})),
}
EXAMPLES: Final = {
    "ignore_values": "{pattern: 'req-[0-9]+'}",
    "numbers": "{path: $.total, abs: 0.005}",
    "times": "{path: $.created_at, within: 2}",
    "forms": "{path: $.id, form: uuid}",
    "rewrite": "{path: $..url, pattern: '^/v[12]/', with: '/'}",
    "arrays": "{path: $.items, key: id}, or {path: $.tags, as: set}",
    "status": "[200, 204] or [2xx]",
}
PLACES: Final = ("ignore", "case", "whitespace", "url_host", "null_is_missing")


def parse_where(value: object) -> str:
    """
    A path or `header:NAME` as text. Whether it can be read is found when the rule is compiled.
    """
    if not isinstance(value, str):
        raise ValueError(f"{quote(value)} is no path; {WHERE}")
    if value.startswith(HEADER):
        name = value.removeprefix(HEADER)
        if TOKEN.fullmatch(name) is None:
            raise ValueError(f"{quote(name)} is no header name; write one such as header:x-served-by")
        return HEADER + name.lower()
    return value


def place_rule(does: str) -> Callable[[object], Rule]:
    """
    Parses a rule that is nothing but a place.
    """
    return lambda value: value if isinstance(value, Rule) else _usable(Rule(does=does, where=parse_where(value)))


def given_rule(does: str) -> Callable[[object], Rule]:
    """
    Parses a rule that is a mapping.
    """
    needs, may = NEEDS[does]

    def parse(value: object) -> Rule:
        if isinstance(value, Rule):
            return value
        remedy = f"write {EXAMPLES[does]}"
        if not isinstance(value, dict):
            raise ValueError(f"{quote(value)} is no mapping; {remedy}")
        missing, unknown = needs - value.keys(), value.keys() - needs - may
        # Mostly one is the other, misspelt.
        without = f"has no {', '.join(sorted(missing))}" if missing else ""
        besides = f"{', '.join(sorted(map(str, unknown)))} doesn't belong here" if unknown else ""
        if without or besides:
            raise ValueError(f"{' and '.join(filter(None, (without, besides)))}; {remedy}")
        given = {name: said for name, said in value.items() if name != "path"}
        if "within" in given:
            given["within"] = parse_seconds(given["within"])
        _check_given(does, given, remedy)
        return _usable(Rule(does=does, where=parse_where(value.get("path", "")), given=given))

    return parse


def _check_given(does: str, given: Mapping[str, Any], remedy: str) -> None:
    for name in given.keys() & {"abs", "rel", "within"}:
        said = given[name]
        if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said < 1e15:
            raise ValueError(f"{name}: {quote(said)} is no tolerance; {remedy}")
    for name in given.keys() & {"pattern", "with"}:
        if not isinstance(given[name], str):
            raise ValueError(f"{name}: {quote(given[name])} is no text; {remedy}")
    if does == "numbers" and not given:
        raise ValueError(f"has neither abs nor rel; {remedy}")
    if "form" in given and given["form"] not in FORM_NAMES:
        raise ValueError(f"{quote(given['form'])} is no form; write one of {', '.join(FORM_NAMES)}")
    if does == "arrays":
        _check_matching(given, remedy)
    key = given.get("key", "")
    if not isinstance(key, str | list) or (isinstance(key, list) and not all(isinstance(one, str) for one in key)):
        raise ValueError(f"key: {quote(key)} is no member's name; {remedy}")


def _check_matching(given: Mapping[str, Any], remedy: str) -> None:
    if given.keys() >= {"as", "key"}:
        raise ValueError(f"says both as and key, where elements are matched by one of them; {remedy}")
    if not given:
        raise ValueError(f"says neither how nor by which key elements are matched; {remedy}")
    if given.get("as", "set") != "set":
        raise ValueError(f"as: {quote(given['as'])} is no way to match elements; {remedy}")


def parse_status(value: object) -> Rule:
    """
    Statuses that count as equal: numbers, or classes such as "2xx".
    """
    if isinstance(value, Rule):
        return value
    if not isinstance(value, list | tuple) or not value or not all(_is_status(one) for one in value):
        raise ValueError(f"{quote(value)} is no list of statuses; write {EXAMPLES['status']}")
    return Rule(does="status", given={"of": list(value)})


def _is_status(value: object) -> bool:
    if isinstance(value, str):
        return len(value) == 3 and value[0] in "12345" and value[1:] == "xx"
    return isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599


def _usable(rule: Rule) -> Rule:
    try:
        compile_rules([rule])
    except ValueError as error:
        raise ValueError(str(error)) from None
    return rule


def parse_endpoint_rules(value: object) -> dict[str, tuple[Rule, ...]]:
    """
    Rules by endpoint, written as under `compare:` itself.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{quote(value)} is no mapping; write an endpoint and its rules: 'GET /users/{{id}}': {{…}}")
    rules: dict[str, tuple[Rule, ...]] = {}
    for endpoint, said in value.items():
        if isinstance(said, tuple):
            rules[endpoint] = said
            continue
        if not isinstance(endpoint, str) or ENDPOINT.fullmatch(endpoint) is None:
            raise ValueError(
                f"{quote(endpoint)} is no endpoint; write a method and a path, such as 'GET /users/{{id}}'"
            )
        if not isinstance(said, dict):
            raise ValueError(f"{endpoint}: {quote(said)} holds no rules; write a mapping such as {{ignore: ['$.at']}}")
        rules[endpoint] = tuple(_endpoint_rules(endpoint, said))
        try:
            compile_rules(rules[endpoint])
        except ValueError as error:
            raise ValueError(f"{endpoint}: {error}") from None
    return rules


def _endpoint_rules(endpoint: str, said: Mapping[Any, Any]) -> "list[Rule]":
    rules = []
    for does, items in said.items():
        parse = PARSERS.get(does)
        if parse is None:
            raise ValueError(f"{endpoint}: {quote(does)} is no kind of rule; write one of {', '.join(PARSERS)}")
        if not isinstance(items, list | tuple):
            raise ValueError(f"{endpoint}: {does}: {quote(items)} is no list; write one in brackets")
        for item in items:
            try:
                rules.append(parse(item))
            except ValueError as error:
                raise ValueError(f"{endpoint}: {does}: {error}") from None
    return rules


PARSERS: Final[dict[str, Callable[[object], Rule]]] = {
    **{does: place_rule(does) for does in PLACES},
    **{does: given_rule(does) for does in NEEDS},
    "status": parse_status,
}


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _show(rules: tuple[Rule, ...] | Mapping[str, tuple[Rule, ...]]) -> str:
    """
    The default: nothing.
    """
    assert not rules
    return "{}" if isinstance(rules, Mapping) else "[]"


PLACE_LIST: Final = Kind(words="list of paths", show=_show, text=False)
RULE_LIST: Final = Kind(words="list of rules", show=_show, text=False)
TUPLE: Final = BeforeValidator(_as_tuple)

Ignore = Annotated[tuple[Annotated[Rule, PlainValidator(PARSERS["ignore"])], ...], TUPLE, PLACE_LIST]
Case = Annotated[tuple[Annotated[Rule, PlainValidator(PARSERS["case"])], ...], TUPLE, PLACE_LIST]
Whitespace = Annotated[tuple[Annotated[Rule, PlainValidator(PARSERS["whitespace"])], ...], TUPLE, PLACE_LIST]
UrlHost = Annotated[tuple[Annotated[Rule, PlainValidator(PARSERS["url_host"])], ...], TUPLE, PLACE_LIST]
NullIsMissing = Annotated[tuple[Annotated[Rule, PlainValidator(PARSERS["null_is_missing"])], ...], TUPLE, PLACE_LIST]
IgnoreValues = Annotated[tuple[Annotated[Rule, PlainValidator(PARSERS["ignore_values"])], ...], TUPLE, RULE_LIST]
Numbers = Annotated[tuple[Annotated[Rule, PlainValidator(PARSERS["numbers"])], ...], TUPLE, RULE_LIST]
Times = Annotated[tuple[Annotated[Rule, PlainValidator(PARSERS["times"])], ...], TUPLE, RULE_LIST]
Forms = Annotated[tuple[Annotated[Rule, PlainValidator(PARSERS["forms"])], ...], TUPLE, RULE_LIST]
Rewrite = Annotated[tuple[Annotated[Rule, PlainValidator(PARSERS["rewrite"])], ...], TUPLE, RULE_LIST]
Arrays = Annotated[tuple[Annotated[Rule, PlainValidator(PARSERS["arrays"])], ...], TUPLE, RULE_LIST]
Statuses = Annotated[tuple[Annotated[Rule, PlainValidator(PARSERS["status"])], ...], TUPLE, RULE_LIST]
EndpointRules = Annotated[
    Mapping[str, tuple[Rule, ...]],
    PlainValidator(parse_endpoint_rules),
    Kind(words="rules by endpoint", show=_show, text=False),
]
