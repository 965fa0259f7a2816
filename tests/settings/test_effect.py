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
