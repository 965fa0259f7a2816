"""
Routes and cohorts in the configuration: what is built of them, and what is said of those that can't be.
"""

from pathlib import Path

import pytest

from proxy.errors import ConfigurationError
from proxy.routing.route import Cohort, Match, Route
from proxy.routing.table import NEW, decode, encode
from proxy.settings.load import load
from proxy.settings.routes import RouteMatch
from proxy.settings.table import build_judging, build_table
from tests.parts.values import a_table

BASE = "old: {url: http://127.0.0.1:1}\nnew: {url: http://127.0.0.1:2}\n"


def said(folder: Path, text: str) -> str:
    """
    What is said of a configuration that can't be used, without the folder.
    """
    file = folder / "parallax.yaml"
    file.write_text(BASE + text)
    with pytest.raises(ConfigurationError) as refused:
        load(file, environment={})
    return "\n".join(refused.value.problems).replace(f"{folder}/", "")


def test_a_route_is_built_as_it_is_written() -> None:
    """
    Names of fields in lower case; one method needs no list.
    """
    route = {
        "name": "search",
        "match": {"method": "GET", "host": ["a.example"], "path": "/search/**", "header": {"X-Beta": "*"}},
        "weight": 2.5,
        "mirror": 50,
        "writes": "safe",
        "sticky": ["header:X-User"],
    }
    match = Match(methods=("GET",), hosts=("a.example",), path="/search/**", headers=(("x-beta", "*"),))

    assert a_table(routes=[route]).routes == (
        Route(name="search", match=match, weight=2.5, mirror=50.0, writes="safe", sticky=("header:x-user",)),
    )


def test_methods_are_those_that_are_sent() -> None:
    """
    Requests have theirs in upper case, however they are written here.
    """
    assert RouteMatch(method=["get", "POST", "Post"]).method == ("GET", "POST")  # type: ignore[arg-type]
    assert RouteMatch(method="delete").method == ("DELETE",)  # type: ignore[arg-type]
    assert RouteMatch(method=["BAN"]).method == ("BAN",)  # type: ignore[arg-type]


def test_a_cohort_has_a_weight_or_a_side() -> None:
    """
    In the order they were written in.
    """
    built = a_table(
        cohorts=[
            {"name": "staff", "match": {"cookie": {"staff": "yes"}}, "side": "new"},
            {"name": "beta", "match": {"query": {"beta": "*"}}, "weight": 5},
        ]
    ).cohorts

    assert built == (
        Cohort(name="staff", match=Match(cookies=(("staff", "yes"),)), side=NEW),
        Cohort(name="beta", match=Match(query=(("beta", "*"),)), weight=5.0),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "routes:\n  - {name: a, match: {path: search}}",
            "parallax.yaml:4: routes.0.match: path 'search' doesn't begin",
        ),
        ("routes:\n  - name: a\n    match: {}", "parallax.yaml:5: routes.0.match: says nothing"),
        ("routes:\n  - name: a\n    wieght: 3\n    match: {path: /}", "parallax.yaml:5: routes.0.wieght: is no key"),
        ("routes:\n  - name: a\n    wieght: 3\n    match: {path: /}", "did you mean routes.weight?"),
        ("routes:\n  - match: {path: /}", "parallax.yaml:4: routes.0.name: is missing; write a value such as search"),
        ("routes:\n  - {name: a, match: {path: /}, weight: 101}", "routes.0.weight: 101 is no percentage"),
        ("routes:\n  - {name: a, match: {pth: /}}", "did you mean routes.match.path?"),
        ("routes:\n  - {name: a b, match: {path: /}}", "'a b' is no name"),
        ("routes:\n  - {name: a, match: {method: [ban]}}", "methods have case; write BAN"),
        (
            "routes:\n  - {name: a, match: {regex: '/([a-z]+/?)+x'}}",
            "parallax.yaml:4: routes.0.match: '/([a-z]+/?)+x' can",
        ),
        ("routes:\n  - {name: a, match: {host: A.example}}", "'A.example' is no host"),
        ("routes:\n  - {name: a, match: {header: {x: 1}}}", "x: 1 is no text; put it in quotes"),
        ("routes:\n  - {name: a, match: {path: /a}}\n  - {name: a, match: {path: /b}}", "the name a is there twice"),
        ("routes: {a: 1}", "parallax.yaml:3: routes: "),
        ("routes: [a]", "write a mapping with name, match, weight"),
        ("routes:\n  - {name: a, match: {path: /}, old: {set: {host: b}}}", "write host: instead"),
        ("routes:\n  - {name: a, match: {path: /}, old: {set: {Content-Length: '5'}}}", "can't be changed"),
        (
            'routes:\n  - {name: a, match: {path: /}, old: {set: {x-a: "b\\r\\nc: d"}}}',
            "x-a: the value is no plain text",
        ),
        ("routes:\n  - {name: a, match: {path: /}, old: {path: {pattern: '^/(', with: '/'}}}", "can't be used"),
        ("routes:\n  - {name: a, match: {path: /}, old: {path: {pattern: '^/', with: '\\2'}}}", "can't be used"),
        ("routes:\n  - {name: a, match: {path: /}, old: {path: {pattern: '^/', with: '/?a b'}}}", "part of a path"),
        ("routes:\n  - {name: a, match: {path: /}, new: {set: {x-a: 'env:NO'}}}", "no such environment variable"),
        (
            "routes:\n  - {name: a, match: {path: /}, new: {set: {x-a: 'file:no'}}}",
            "file:no: can't be read (no such file",
        ),
        (
            "routes:\n  - name: a\n    match: {path: /}\n    compare:\n      ignore:\n        - $.a[",
            "parallax.yaml:8: routes.0",
        ),
        ("routes:\n  - {name: a, match: {path: /}, compare: {headers: all}}", "routes.0.compare.headers: is no key"),
        ("routes:\n  - {name: a, match: {path: /}, writes: all}", "routes.0.writes: 'all' is not what goes here"),
        (
            "routes:\n  - {name: a, match: {path: /}, writes: mirror, idempotency: {header: ''}}",
            "nothing to tell writes",
        ),
        (
            "routes:\n  - {name: a, match: {path: /}, idempotency: {derive: [cookie]}}",
            "'cookie' is no part of a request",
        ),
        ("routes:\n  - {name: a, match: {path: /}, idempotency: {derive: ['header:a b']}}", "'header:a b' is no part"),
        ("routes:\n  - {name: a, match: {path: /}, idempotency: {header: 'a b'}}", "'a b' is no header name"),
        ("routes:\n  - {name: a, match: {path: /}, shadow: {strip: [host]}}", "can't be changed"),
        ("routes:\n  - {name: a, match: {path: /}, shadow: {set: {x-parallax-dry-run: '1'}}}", "can't be changed"),
        ("routes:\n  - {name: a, match: {path: /}, shadow: {set: {x-a: 'env:NO'}}}", "no such environment variable"),
        ("cohorts:\n  - {name: a, match: {path: /}}", "needs either a weight"),
        ("cohorts:\n  - {name: a, match: {path: /}, weight: 1, side: new}", "needs either a weight"),
        ("cohorts:\n  - {name: a, match: {path: /}, side: both}", "cohorts.0.side: 'both' is not what goes here"),
    ],
)
def test_a_route_that_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    """
    And with what would be right.
    """
    assert words in said(tmp_path, text)


def test_secrets_come_from_variables_and_files(tmp_path: Path) -> None:
    """
    Where they are is in the configuration, what they are only in the table.
    """
    file = tmp_path / "parallax.yaml"
    file.write_text(
        BASE + "routes:\n  - name: a\n    match: {path: /}\n"
        "    old: {set: {x-a: 'file:secret'}}\n    new: {set: {x-a: 'env:NEW_TOKEN', x-b: plain}}\n"
    )
    (tmp_path / "secret").write_text("from a file\n")
    loaded = load(file, environment={"NEW_TOKEN": "from a variable"})
    table = build_table(loaded.settings, loaded.folder, loaded.authorities, loaded.values)

    assert [rewrite.set for rewrite in table.routes[0].rewrites] == [
        (("x-a", "from a file"),),
        (("x-a", "from a variable"), ("x-b", "plain")),
    ]
    assert "from a" not in repr(loaded) + repr(table)
    assert decode(encode(table)) == table


def test_a_secret_that_cannot_be_used_is_not_repeated(tmp_path: Path) -> None:
    """
    A line end in it would begin another field.
    """
    text = "routes:\n  - {name: a, match: {path: /}, new: {set: {x-a: 'file:secret'}}}"
    (tmp_path / "secret").write_text("geheim\nX-Evil: 1")

    told = said(tmp_path, text)
    assert "parallax.yaml:4: routes.0.new.set: file:secret: is empty, or has characters" in told
    assert "geheim" not in told


def test_what_sides_are_given_from_elsewhere_is_redacted(tmp_path: Path) -> None:
    """
    Of both sides and of copies; what stands in the file itself is no secret.
    """
    file = tmp_path / "parallax.yaml"
    (tmp_path / "token").write_text("from-file\n")
    file.write_text(
        BASE + "routes:\n  - name: a\n    match: {path: /}\n    old: {set: {x-a: 'file:token', x-b: plain}}\n"
        "    new: {set: {x-a: 'env:A'}}\n    shadow: {set: {x-a: 'env:B', x-b: 'env:A'}}\n"
    )
    loaded = load(file, environment={"A": "from-a", "B": "from-b"})

    assert build_judging(loaded.settings, 1, loaded.values).redact.secrets == ("from-file", "from-a", "from-b")


def test_a_route_has_rules_of_its_own(tmp_path: Path) -> None:
    """
    As under `compare`; one that can't have any effect there is told at its line.
    """
    file = tmp_path / "parallax.yaml"
    file.write_text(
        BASE + "compare: {ignore: [$.meta]}\nroutes:\n  - name: a\n    match: {path: /}\n    compare:\n"
        "      numbers:\n        - {path: $.total, abs: 1}\n      case: [$.meta.name]\n"
    )
    loaded = load(file, environment={})
    rules = build_judging(loaded.settings, 1).by_route

    assert [rule.words for rule in rules["a"]] == ["case $.meta.name", "numbers $.total (abs 1)"]
    assert len(loaded.warnings) == 1
    assert loaded.warnings[0].startswith(f"{file}:10: routes.0.compare.case.0: ")


def test_what_copies_get_may_be_a_secret_too(tmp_path: Path) -> None:
    """
    It is looked for where those of a side are.
    """
    file = tmp_path / "parallax.yaml"
    file.write_text(
        BASE + "routes:\n  - {name: a, match: {path: /}, shadow: {set: {authorization: 'env:NEW_TOKEN'}}}\n"
    )
    loaded = load(file, environment={"NEW_TOKEN": "a secret"})
    table = build_table(loaded.settings, loaded.folder, loaded.authorities, loaded.values)

    assert table.routes[0].shadow.set == (("authorization", "a secret"),)
    assert "a secret" not in repr(table)
    assert decode(encode(table)) == table


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("writes: mirror}", "routes.0.writes: does every write twice in the one store"),
        ("writes: mirror}\ndata: split", None),
        (
            "writes: safe, idempotency: {derive: [body]}}",
            "routes.0.idempotency: has an effect only with writes: mirror",
        ),
        ("writes: dry_run}", None),
    ],
)
def test_what_may_not_be_meant_is_warned_of(tmp_path: Path, text: str, words: str | None) -> None:
    """
    At its line.
    """
    file = tmp_path / "parallax.yaml"
    file.write_text(f"{BASE}routes:\n  - {{name: a, match: {{path: /}}, {text}\n")
    warnings = load(file, environment={}).warnings

    assert [warning for warning in warnings if words is None or words not in warning] == []
    assert (words is None) is (warnings == ())
