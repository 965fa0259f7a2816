"""
Rules without effect, at the line where they stand.
"""

from pathlib import Path

from proxy.settings.load import load

TEXT = """
old: {url: http://127.0.0.1:9001}
new: {url: http://127.0.0.1:9002}
compare:
  headers: [content-type, x-total-*]
  ignore: ["$.meta"]
  case:
    - $.name
    - header:x-total-count
    - header:x-other
  endpoints:
    "GET /search":
      numbers: [{path: "$.total", abs: 1}]
      case:
        - $.title
        - $.meta.title
"""


def test_warnings_name_the_line_of_each_rule_that_has_no_effect(tmp_path: Path) -> None:
    """
    Those for one endpoint are held against the general ones too; nothing is refused for it.
    """
    file = tmp_path / "parallax.yaml"
    file.write_text(TEXT)

    first, second = load(file, environment={}).warnings

    assert first.startswith(f"{file}:10: compare.case.2: `case header:x-other` x-other is not compared, so")
    assert second.startswith(
        f"{file}:16: compare.endpoints.GET /search.case.1: `case $.meta.title` can't apply, since `ignore $.meta` hides"
    )


def test_without_comparers_rules_and_twins_are_for_nothing(tmp_path: Path) -> None:
    """
    Each kind of rule is named once, at its line; with a comparer, or without rules, all is well.
    """
    file = tmp_path / "parallax.yaml"
    ruled = TEXT.replace("    - header:x-other\n", "").replace("        - $.meta.title\n", "") + "noise: {sample: 5}\n"
    file.write_text(ruled)
    assert load(file, environment={}).warnings == ()
    file.write_text(ruled + "comparers: 0\n")
    said = [warning.partition(" has no effect with comparers: 0")[0] for warning in load(file, environment={}).warnings]
    file.write_text(TEXT.partition("compare:")[0] + "comparers: 0\n")

    assert said == [
        f"{file}:6: compare.ignore:",
        f"{file}:7: compare.case:",
        f"{file}:10: compare.endpoints:",
        f"{file}:15: noise.sample:",
    ]
    assert load(file, environment={}).warnings == ()
