"""
What a route changes of its requests for one side: path, Host and header fields. Values can be secrets from elsewhere.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field, PlainValidator

from proxy.routing.route import Rewrite
from proxy.settings.addresses import parse_host
from proxy.settings.expressions import check_expression
from proxy.settings.kinds import TOKEN, Kind
from proxy.settings.quote import quote
from proxy.settings.section import Section

# Where a value is, if not in the file: an environment variable, or a file relative to the configuration.
ELSEWHERE: Final = re.compile(r"(env|file):(.+)", re.DOTALL)
VALUE: Final = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?")
# What Parallax writes itself, or decides where a message ends (RFC 9110 §7.6.1, RFC 9112 §6).
OURS: Final = frozenset(
    {
        *("connection", "content-length", "expect", "host", "keep-alive", "max-forwards", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "via"),
        *("x-parallax-dry-run", "x-parallax-shadow"),
    }
)
# Characters of a path (RFC 3986 §3.3), and what refers to groups.
REPLACEMENT: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/%-]|\\[1-9]|\\g<[A-Za-z0-9_]+>)*")
EXAMPLE: Final = "{pattern: '^/api/', with: '/v2/'}"


def parse_path_change(value: object) -> tuple[str, str] | None:
    """
    A regular expression and what replaces its first match.
    """
    if value is None or isinstance(value, tuple):
        return value
    if not isinstance(value, dict) or set(value) != {"pattern", "with"}:
        raise ValueError(f"{quote(value)} is no mapping of pattern and with; write {EXAMPLE}")
    pattern, said = value["pattern"], value["with"]
    if not isinstance(pattern, str) or not isinstance(said, str):
        raise ValueError(f"pattern and with are texts; write {EXAMPLE}")
    if REPLACEMENT.fullmatch(said) is None:
        raise ValueError(f"{quote(said)} can't be part of a path; write {EXAMPLE}")
    try:
        re.compile(pattern.encode()).sub(said.encode(), b"/")
        # A group that isn't there is found only where the pattern matches.
        re.compile(b"(?:" + pattern.encode() + b")|.*").sub(said.encode(), b"/")
    except (re.error, IndexError) as error:
        raise ValueError(f"{quote(pattern)} with {quote(said)} can't be used ({error}); write {EXAMPLE}") from None
    check_expression(pattern, whole=False)
    return pattern, said


def parse_fields(value: object) -> tuple[tuple[str, str], ...]:
    """
    Header fields with their values, or where those are.
    """
    remedy = "write a mapping such as {x-tenant: acme, authorization: 'env:NEW_TOKEN'}"
    pairs = tuple(value.items()) if isinstance(value, dict) else value
    if not isinstance(pairs, tuple):
        raise ValueError(f"{quote(value)} is no mapping; {remedy}")
    for name, said in pairs:
        _check_name(name, remedy)
        # The value is not repeated: it may be a secret.
        if not isinstance(said, str) or VALUE.fullmatch(said) is None:
            raise ValueError(f"{name}: the value is no plain text; {remedy}")
    return pairs


def parse_removed(value: object) -> tuple[str, ...]:
    """
    Names of header fields.
    """
    remedy = "write a list of names such as [x-internal]"
    if not isinstance(value, list | tuple):
        raise ValueError(f"{quote(value)} is no list; {remedy}")
    for name in value:
        _check_name(name, remedy)
    return tuple(value)


def _check_name(name: object, remedy: str) -> None:
    if not isinstance(name, str) or TOKEN.fullmatch(name) is None:
        raise ValueError(f"{quote(name)} is no header name; {remedy}")
    if name.lower() in OURS:
        also = "; write host: instead" if name.lower() == "host" else ""
        raise ValueError(f"{name} is written by Parallax itself and can't be changed{also}")


def _parse_own_host(value: object) -> str | None:
    return None if value is None else parse_host(value)


def _show(value: object) -> str:
    assert not value
    return "null" if value is None else "{}" if value == () else "[]"


PathChange = Annotated[
    tuple[str, str] | None,
    PlainValidator(parse_path_change),
    Kind(words="pattern and with", show=_show, text=False),
]
Fields = Annotated[
    tuple[tuple[str, str], ...], PlainValidator(parse_fields), Kind(words="fields with values", show=_show, text=False)
]
Removed = Annotated[
    tuple[str, ...], PlainValidator(parse_removed), Kind(words="list of names", show=lambda _: "[]", text=False)
]
OwnHost = Annotated[
    str | None, PlainValidator(_parse_own_host), Kind(words="preserve, upstream or a name", show=lambda _: "null")
]


class RewriteSettings(Section):
    """
    What one side gets differently.
    """

    path: PathChange = Field(None, description=f"the first match of pattern in the path becomes with: {EXAMPLE}")
    host: OwnHost = Field(None, description="instead of the side's host: preserve, upstream or a name")
    set: Fields = Field((), description="fields it gets; a value may be env:NAME or file:PATH, and goes nowhere else")
    remove: Removed = Field((), description="fields it doesn't get")

    def build(self, authority: str, values: Mapping[str, str]) -> Rewrite:
        """
        As workers have it: `authority` is the side's, `values` are those that are elsewhere.
        """
        hosts = {None: "", "preserve": None, "upstream": authority}
        return Rewrite(
            path=self.path,
            host=hosts.get(self.host, self.host),
            set=tuple((name, values.get(said, said)) for name, said in self.set),
            remove=self.remove,
        )

    def elsewhere(self) -> list[str]:
        """
        The values that are elsewhere, as they are written.
        """
        return references(self.set)


def references(fields: tuple[tuple[str, str], ...]) -> list[str]:
    """
    The values of fields that are elsewhere, as they are written.
    """
    return [said for _, said in fields if ELSEWHERE.fullmatch(said) is not None]
