"""
YAML is read with the place of every key, and more strictly than YAML asks for.
"""

import pytest

from proxy.errors import ConfigurationError
from proxy.settings.source import read_yaml


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_yaml(text, "p.yaml")
    return str(caught.value)


def test_every_key_and_item_has_its_place() -> None:
    """
    Nested keys and list items are found by path, block or flow.
    """
    source = read_yaml("a: 1\nb:\n  c: {d: x}\n  e:\n    - 1\n    - 2\n", "p.yaml")

    assert source.values == {"a": 1, "b": {"c": {"d": "x"}, "e": [1, 2]}}
    assert source.places == {
        ("a",): "p.yaml:1",
        ("b",): "p.yaml:2",
        ("b", "c"): "p.yaml:3",
        ("b", "c", "d"): "p.yaml:3",
        ("b", "e"): "p.yaml:4",
        ("b", "e", 0): "p.yaml:5",
        ("b", "e", 1): "p.yaml:6",
    }


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "---\n"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    """
    What is missing is for the model to say.
    """
    assert read_yaml(text, "p.yaml").values == {}


def test_a_key_given_twice_names_both_lines() -> None:
    """
    YAML would silently take the last one.
    """
    said = refusal("old:\n  url: a\nnew: {}\nold: {}\n")

    assert said == "p.yaml:4: old is there twice (first p.yaml:1); remove one"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: b: c\n", 1),
        ("a: 1\n  b: 2\n", 2),
        ("a: [1\nb: 2\n", 2),
        ("a: 1\n\tb: 2\n", 2),
        ("a: 'x\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: *missing\n", 1),
        ("listen: [::1]:8080\n", 1),
        ("a: \x00\n", 1),
        ("- a\n- b\n", 1),
        ("just text\n", 1),
        ("a: !!python/object:os.system x\n", 1),
        ("a: 1\n<<: {b: 2}\n", 2),
        ("a: 1\n7: 2\n", 2),
        ("a: 1\n[x]: 2\n", 2),
        ("a: 2026-13-45\n", 1),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_line(text: str, line: int) -> None:
    """
    Broken YAML, several documents, tags, merges and keys that are no text: one sentence each, with a remedy.
    """
    said = refusal(text)

    assert said.startswith(f"p.yaml:{line}: ")
    assert "; " in said
    assert "\n" not in said


def test_an_alias_that_multiplies_is_refused() -> None:
    """
    Nine lines must not become a billion values.
    """
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]

    assert "nested too deeply or too long" in refusal("\n".join(lines))


def test_an_alias_of_itself_is_refused() -> None:
    """
    A value that contains itself has no end.
    """
    assert "nested too deeply or too long" in refusal("a: &a\n  b: *a\n")


def test_an_alias_is_a_copy() -> None:
    """
    Two sides may share their TLS settings.
    """
    source = read_yaml("old: &side {tls: {verify: false}}\nnew: *side\n", "p.yaml")

    assert source.values["new"] == source.values["old"] == {"tls": {"verify": False}}


def test_nesting_without_end_is_refused() -> None:
    """
    Brackets by the thousand are a mistake or an attack, and no reason to fail.
    """
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        read_yaml("[" * 100_000, "p.yaml")
