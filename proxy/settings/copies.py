"""
What a route says of the copies of its requests: by what one write is known from another, and what a copy is without.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field, PlainValidator

from proxy.routing.route import Idempotency, Rewrite
from proxy.settings.kinds import TOKEN, Kind, show_list
from proxy.settings.quote import quote
from proxy.settings.rewrite import Fields, Removed, references
from proxy.settings.section import Section

PART: Final = re.compile(r"method|path|body|header:(.+)", re.DOTALL)


def parse_key_field(value: object) -> str:
    """
    The name of the field that clients name a write in, "" for none.
    """
    if not isinstance(value, str) or (value and TOKEN.fullmatch(value) is None):
        raise ValueError(f"{quote(value)} is no header name; write one such as Idempotency-Key, or '' for none")
    return value


def parse_parts(value: object) -> tuple[str, ...]:
    """
    What a key is made of where the client sends none.
    """
    remedy = "write a list of method, path, body and header:NAME"
    if not isinstance(value, list | tuple):
        raise ValueError(f"{quote(value)} is no list; {remedy}")
    for part in value:
        match = PART.fullmatch(part) if isinstance(part, str) else None
        if match is None or (match[1] is not None and TOKEN.fullmatch(match[1]) is None):
            raise ValueError(f"{quote(part)} is no part of a request; {remedy}")
    return tuple(dict.fromkeys(value))


KeyField = Annotated[str, PlainValidator(parse_key_field), Kind(words="name", show=str)]
Parts = Annotated[tuple[str, ...], PlainValidator(parse_parts), Kind(words="list of parts", show=show_list, text=False)]


class IdempotencySettings(Section):
    """
    By what one write is known from another.
    """

    header: KeyField = Field("Idempotency-Key", description="the field that clients name a write in; '': none")
    derive: Parts = Field((), description="where they don't: method, path (and query), body, header:NAME")

    def build(self) -> Idempotency:
        """
        As workers have it.
        """
        return Idempotency(header=self.header, derive=self.derive)


class ShadowSettings(Section):
    """
    What copies get differently.
    """

    strip: Removed = Field((), description="fields that no copy has, such as [authorization, cookie, x-api-key]")
    set: Fields = Field((), description="fields that copies to new get; a value may be env:NAME or file:PATH")

    def build(self, values: Mapping[str, str]) -> Rewrite:
        """
        As workers have it: `values` are those that are elsewhere.
        """
        return Rewrite(set=tuple((name, values.get(said, said)) for name, said in self.set), remove=self.strip)

    def elsewhere(self) -> list[str]:
        """
        The values that are elsewhere, as they are written.
        """
        return references(self.set)
