"""
YAML text as plain values plus the place of every key, so that a mistake can be named by file and line.

Stricter than YAML: one mapping, keys are text, none twice, no tags, no merge keys, no anchors that contain themselves.
"""

from dataclasses import dataclass
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from proxy.errors import ConfigurationError

Where = tuple[str | int, ...]

# Far beyond any configuration; stops aliases that multiply ("billion laughs").
DEEPEST = 32
MOST_NODES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """
    What a file says: `values` as nested dicts and lists, `places` as "file:line" by path.
    """

    values: dict[str, Any]
    places: dict[Where, str]


def read_yaml(text: str, name: str, *, reference: str = "docs/configuration.md") -> Source:
    """
    The one mapping in `text`; an empty text is an empty mapping. Raises `ConfigurationError` naming `name` and a line.
    `reference` describes what keys there are.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError:
        raise ConfigurationError(f"{name}:1: is nested too deeply; write it without so many brackets") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        said = error.problem or error.context or "it ends too early"
        raise ConfigurationError(
            f"{name}:{line}: this is no YAML ({said}); look at indentation, colons and quotes there and just before"
        ) from None
    except yaml.YAMLError as error:
        said = " ".join(str(getattr(error, "reason", error)).split())
        raise ConfigurationError(f"{name}:1: this is no YAML ({said}); write plain UTF-8 text") from None
    if node is None or node.tag == "tag:yaml.org,2002:null":
        return Source(values={}, places={})
    reader = _Reader(name, reference)
    if not isinstance(node, yaml.MappingNode):
        raise reader.refuse(node, "the file is no mapping; write keys such as listen: and old: at the left edge")
    return Source(values=reader.mapping(node, ()), places=reader.places)


class _Reader:
    def __init__(self, name: str, reference: str) -> None:
        self.name = name
        self._reference = reference
        self.places: dict[Where, str] = {}
        self._scalars = SafeConstructor()
        self._nodes = 0

    def refuse(self, node: yaml.Node, said: str) -> ConfigurationError:
        return ConfigurationError(f"{self.place(node)}: {said}")

    def place(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}"

    def mapping(self, node: yaml.MappingNode, path: Where) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.key(key_node)
            below = (*path, key)
            if key in values:
                raise self.refuse(key_node, f"{dotted(below)} is there twice (first {self.places[below]}); remove one")
            self.places[below] = self.place(key_node)
            values[key] = self.value(value_node, below)
        return values

    def key(self, node: yaml.Node) -> str:
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str":
            return str(node.value)
        said = f"the key {node.value}" if isinstance(node, yaml.ScalarNode) else "a key"
        raise self.refuse(node, f"{said} is no text; write one of the keys in {self._reference}")

    def value(self, node: yaml.Node, path: Where) -> Any:
        self._nodes += 1
        if len(path) > DEEPEST or self._nodes > MOST_NODES:
            raise self.refuse(node, f"{dotted(path[:3])} is nested too deeply or too long; write it without aliases")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.places[(*path, index)] = self.place(item)
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError):
            raise self.refuse(node, f"{dotted(path)} can't be read as {node.tag}; put text in quotes") from None


def dotted(path: Where) -> str:
    """
    A path as people write it: mirror.max_body.
    """
    return ".".join(str(part) for part in path)
