"""
The model's keys as a list: what there is to set, under which dotted name and environment variable.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from proxy.settings.kinds import COUNT, FLAG, TEXT, Kind
from proxy.settings.model import Settings
from proxy.settings.section import Section

PREFIX = "PARALLAX_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """
    One key. `section` is the model below it, or None for a key with a value.
    """

    path: tuple[str, ...]
    section: type[Section] | None
    kind: Kind
    required: bool
    default: Any
    example: Any
    meaning: str

    @property
    def name(self) -> str:
        """
        The dotted name, as messages and the documentation have it.
        """
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """
        The environment variable that overrides this key.
        """
        return PREFIX + "__".join(self.path).upper()

    @property
    def shown(self) -> str:
        """
        The default as one would write it in YAML, or an example for a key that has none.
        """
        if self.required:
            return str(self.example)
        return "null" if self.default is None else self.kind.show(self.default) or "''"


def keys(section: type[Section] = Settings, above: tuple[str, ...] = ()) -> Iterator[Key]:
    """
    Every key below `section` in the model's order, each section before its own keys.
    """
    for name, field in section.model_fields.items():
        path = (*above, name)
        inner = field.annotation if isinstance(field.annotation, type) else None
        below = inner if inner is not None and issubclass(inner, Section) else None
        yield key_of(path, field, below)
        if below is not None:
            yield from keys(below, path)


def key_of(path: tuple[str, ...], field: FieldInfo, section: type[Section] | None) -> Key:
    """
    What the model says of the key at `path`, a `section` or None.
    """
    inner = field.annotation if isinstance(field.annotation, type) else None
    return Key(
        path=path,
        section=section,
        kind=_kind(field),
        required=field.is_required(),
        default=None if field.default is PydanticUndefined else field.default,
        example=(field.examples or [None])[0],
        meaning=field.description or " ".join((inner.__doc__ or "").split()) if inner else field.description or "",
    )


def _kind(field: FieldInfo) -> Kind:
    """
    The kind that was said of a field, also of one that may be null, else that of its type.
    """
    inner = [item for option in get_args(field.annotation) for item in get_args(option)]
    for item in (*field.metadata, *inner):
        if isinstance(item, Kind):
            return item
    if field.annotation is bool:
        return FLAG
    return COUNT if field.annotation is int else TEXT
