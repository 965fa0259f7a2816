"""
`parallax check --request` says what a running Parallax does.
"""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main
from proxy.clock import time
from proxy.explaining import table_of
from proxy.keyfiles import key_files, read_keys
from proxy.routing.explain import Explanation, explain, read_request
from proxy.routing.overrides import WROTE, forcing
from proxy.routing.signed import pack
from proxy.routing.table import SIDES
from proxy.settings.load import load
from tests.parts.client import Client
from tests.parts.parallax import Configuration, Parallax, running, until, write
from tests.parts.sides import Sides, sides

pytestmark = pytest.mark.timeout(120)

CASES = 500
# {"sub": "ann"} and {"sub": "bob"}, unsigned.
TOKENS = ("e30.eyJzdWIiOiJhbm4ifQ.x", "e30.eyJzdWIiOiJib2IifQ.x")
PATHS = (
    *("/orders", "/orders/../search", "/search", "/%73earch/a", "//search", "/v1/a", "/v3/a", "/", "/a?v=21&w="),
    *("/decided", "/held", "/closed"),
)
FLAG = {"key": "orders", "cache": 3600}
USERS = 50
ROUTES: list[dict[str, Any]] = [
    {"name": "orders", "match": {"path": "/orders/**", "method": ["POST", "DELETE"]}, "weight": 30, "writes": "mirror"},
    {"name": "search", "match": {"path": "/search/**"}, "weight": 60, "writes": "safe"},
    {"name": "query", "match": {"query": {"v": "2*"}}, "weight": 100, "writes": "dry_run"},
    {"name": "decided", "match": {"path": "/decided/**"}, "weight": 50, "flag": {**FLAG, "mode": "decide"}},
    {"name": "closed", "match": {"path": "/closed/**"}, "weight": 0, "flag": {**FLAG, "mode": "decide"}},
    {"name": "held", "match": {"path": "/held/**"}, "weight": 70, "flag": {**FLAG, "mode": "veto"}},
    {"name": "host", "match": {"host": ["*.shop.test"]}, "mirror": 0},
    {"name": "regex", "match": {"regex": "/v[12]/.*"}, "sticky": ["client"]},
    {"name": "cookie", "match": {"cookie": {"beta": "*"}}, "weight": 0},
]
COHORTS: list[dict[str, Any]] = [
    {"name": "staff", "match": {"header": {"x-staff": "*"}}, "side": "new"},
    {"name": "wary", "match": {"header": {"x-wary": "yes"}}, "side": "old"},
    {"name": "range", "match": {"address": ["192.0.2.0/28"]}, "side": "new"},
    {"name": "bob", "match": {"claim": {"sub": "b*"}}, "weight": 10},
    {"name": "listed", "match": {"keys": "beta.txt"}, "weight": 90},
    {"name": "half", "match": {"cookie": {"half": "1"}, "path": "/**"}, "weight": 50},
]
CONFIGURED: Configuration = {
    "sticky": {"key": ["header:x-user", "cookie:sid", "claim:sub"], "after_write": 3600},
    "weights": {"new": 40},
    "trusted_proxies": ["127.0.0.0/8"],
    "routes": ROUTES,
    "cohorts": COHORTS,
    "limits": {"body": 1048576},
    "flags": {"provider": "tests.parts.providers:from_file"},
    "comparers": 0,
}
# Who is on the list, and who has the flag.
LISTED = [f"user-{number}" for number in range(0, USERS, 5)]
FLAGGED = [*(f"user-{number}" for number in range(0, USERS, 3)), "7", "8", "9", "ann"]


class Maker:
    """
    Makes requests of all kinds, the same in every run.
    """

    def __init__(self, key: str) -> None:
        self._roll = random.Random(7)
        self._key = key
        self.number = 0
        # Requests of others.
        self.before = 0

    def request(self) -> tuple[str, list[str]]:
        """
        The words and the fields of another one; its target ends with its number.
        """
        roll, self.number = self._roll, self.number + 1
        path = roll.choice(PATHS)
        method = roll.choice(("GET", "GET", "GET", "OPTIONS", "POST", "DELETE"))
        fields = [f"Host: {roll.choice(('shop.test', 'a.shop.test', 'A.Shop.Test:80'))}"]
        for line, share in self._lines():
            if roll.random() < share:
                fields.append(line)
        if method in ("POST", "DELETE"):
            fields.append("Content-Length: 0")
        return f"{method} {path}/{self.number}", fields

    def _lines(self) -> Iterator[tuple[str, float]]:
        roll = self._roll
        yield f"X-User: user-{roll.randrange(50)}", 0.4
        yield f"Cookie: sid={roll.randrange(50)}; half={roll.randrange(2)}", 0.3
        yield "Cookie: beta=1", 0.1
        yield f"Authorization: Bearer {roll.choice(TOKENS)}", 0.2
        yield f"X-Forwarded-For: 192.0.2.{roll.randrange(255)}", 0.5
        yield "X-Staff: 1", 0.05
        yield f"X-Wary: {roll.choice(('yes', 'no'))}", 0.1
        yield "Accept: text/event-stream", 0.05
        until = int(time()) + roll.choice((-5, 3600))
        key = roll.choice((self._key, self._key, "ab" * 32))
        yield f"Idempotency-Key: {self.number}", 0.6
        pin = pack(bytes.fromhex(key), WROTE, roll.choice((b"old", b"new")), until).decode()
        yield f"Cookie: a=b; __parallax_write={pin}", 0.5
        yield f"X-Parallax-Force: {forcing(key, roll.randrange(2), until)}", 0.15


async def ask(parallax: Parallax, words: str, fields: list[str]) -> tuple[str, str | None]:
    """
    Who answered a request, and whom Parallax named.
    """
    method = words.partition(" ")[0].encode()
    client = await parallax.client()
    try:
        raw = "\r\n".join([f"{words} HTTP/1.1", *fields, "", ""]).encode()
        answer = await client.ask(raw, method)
    finally:
        client.close()
    named = answer.value(b"x-parallax-side")
    return (answer.value(b"x-served-by") or b"").decode(), None if named is None else named.decode()


async def change(parallax: Parallax, call: str, value: dict[str, Any]) -> None:
    """
    One change by its operator, in force when this returns.
    """
    body = json.dumps({**value, "reason": "a test"}).encode()
    method, target = call.split()
    lines = [call.encode() + b" HTTP/1.1", b"Host: localhost", await parallax.signed_in()]
    lines += [b"Content-Type: application/json", b"Content-Length: %d" % len(body), b"Connection: close", b"", body]
    asking = await Client.connect(parallax.admin)
    answer = await asking.ask(b"\r\n".join(lines), method.encode())
    asking.close()
    assert answer.status == 200, f"{target}: {bytes(answer.body)!r}"


async def forced_by_command(parallax: Parallax) -> None:
    """
    What `parallax token force` prints on the machine of a running Parallax is believed by it.
    """
    found = {"PARALLAX_RUNTIME_DIR": str(parallax.folder / "runtime")}
    said = CliRunner().invoke(main, ["token", "force", "--side", "new", "--for", "1m"], env=found)
    fields = ["Host: shop.test", "X-Wary: yes", f"X-Parallax-Force: {said.stdout.strip()}"]

    assert await ask(parallax, "GET /0", fields) == ("new", "new")


async def flags_known(parallax: Parallax) -> int:
    """
    Ask for every key until a worker knows what the flag says of it. Returns how many requests that took.
    """
    number = 0
    users = [f"X-User: user-{number}" for number in range(USERS)]
    others = ["Accept: */*", *(f"Cookie: sid={number}" for number in range(USERS))]
    tokens = [f"Authorization: Bearer {token}" for token in TOKENS]
    keys = [*users, *others, *tokens]

    async def all_known() -> bool:
        nonlocal number
        for line in keys:
            number += 1
            await ask(parallax, "GET /decided/0", ["Host: shop.test", line])
        _, metrics = await parallax.fetch(parallax.admin, b"/metrics")
        fresh = re.search(rb'parallax_flag_total{flag="orders",outcome="fresh"} ([0-9]+)', metrics)
        return fresh is not None and int(fresh[1]) >= len(keys) * 2

    await until(all_known, "every key's flag")
    return number


async def agreed(parallax: Parallax, pair: Sides, maker: Maker, count: int) -> set[str]:
    """
    So many requests go where they are explained to go, and are copied as explained. Returns what decided.
    """
    loaded = load(parallax.folder / "parallax.yaml", environment={})
    table, is_killed, _ = table_of(loaded, parallax.folder / "var")
    keysets = {file: read_keys(Path(file[0])) for file in key_files(table)}
    expected: dict[int, Explanation] = {}
    for _ in range(count):
        words, fields = maker.request()
        head = read_request(words, fields, table)
        known = explain(table, head, "127.0.0.1", time(), is_killed=is_killed, keysets=keysets)
        flags = {"orders": known.value in FLAGGED}
        one = explain(table, head, "127.0.0.1", time(), is_killed=is_killed, keysets=keysets, flags=flags)
        expected[maker.number] = one
        assert one.side is not None, "nothing here is up to chance"
        named = one.side if one.by == "forced" else None
        assert await ask(parallax, words, fields) == (one.side, named), f"{words} {fields}: {one}"
    await parallax.settled(maker.before + maker.number)
    arrivals = {(arrival.number, arrival.side, arrival.copy) for arrival in await pair.taken()}
    lives = {(number, one.side, False) for number, one in expected.items()}
    copies = {
        (number, SIDES[1 - SIDES.index(one.side or "")], True)
        for number, one in expected.items()
        if one.refusal is None
    }

    assert arrivals == lives | copies
    return {one.by for one in expected.values()}


async def test_five_hundred_requests_go_where_they_are_explained_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    By the configuration, by another intent, killed, and with split data.
    """
    (tmp_path / "beta.txt").write_text("\n".join(LISTED))
    targeting = {"if": [{"in": [{"var": "targetingKey"}, FLAGGED]}, "on", "off"]}
    flag = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off", "targeting": targeting}
    (tmp_path / "flags.json").write_text(json.dumps({"flags": {"orders": flag}}))
    monkeypatch.setenv("FLAG_FILE", str(tmp_path / "flags.json"))
    async with sides(spread=0.0) as pair:
        configured = {**CONFIGURED, "old": {"url": pair.url("old")}, "new": {"url": pair.url("new")}}
        async with running(configured, tmp_path) as parallax:
            maker = Maker((tmp_path / "var" / "signing-key").read_text().strip())
            await forced_by_command(parallax)
            maker.before = 1 + await flags_known(parallax)
            await pair.taken()
            usual = {"forced", "write", "flag", "cohort", "route", "weight"}
            assert await agreed(parallax, pair, maker, CASES // 2) == usual
            weights = {"new": 75, "routes": {"orders": 80, "search": 20}, "cohorts": {"half": 10}}
            await change(parallax, "PUT /admin/weights", weights)
            assert await agreed(parallax, pair, maker, CASES // 4) == usual
            write({**configured, "data": "split"}, tmp_path)
            await change(parallax, "POST /admin/reload", {})
            assert await agreed(parallax, pair, maker, CASES // 5) == {*usual, "split"}
            await change(parallax, "POST /admin/kill", {})
            assert await agreed(parallax, pair, maker, CASES // 20) == {"kill"}
    assert maker.number == CASES


def check(folder: Path, *words: str) -> Result:
    """
    The command, for a configuration that has never run.
    """
    file = folder / "parallax.yaml"
    if not file.exists():
        (folder / "beta.txt").write_text("\n".join(LISTED))
        write({**CONFIGURED, "old": {"url": "http://127.0.0.1:1"}, "new": {"url": "http://127.0.0.1:2"}}, folder)
    return CliRunner().invoke(main, ["check", str(file), *words], prog_name="parallax", env={"COLUMNS": "120"})


def test_a_request_is_explained_in_words(tmp_path: Path) -> None:
    """
    One thing a line.
    """
    said = check(tmp_path, "--request", "GET /search", "--header", "X-User: user-7", "--client", "198.51.100.7")

    assert said.exit_code == 0
    assert "client  198.51.100.7\nroute   search\ncohort  none\n" in said.stdout
    assert "key     header:x-user = user-7, bucket 4805\n" in said.stdout
    assert "side    new (the weight of its route, new has 60 %)\n" in said.stdout
    assert "weights the configuration: nothing has run with it yet\n" in said.stdout


def test_a_request_is_explained_to_scripts(tmp_path: Path) -> None:
    """
    With the same words as keys.
    """
    said = json.loads(check(tmp_path, "--request", "GET /", "--header", "X-Wary: yes", "--json").stdout)

    assert (said["side"], said["by"], said["cohort"], said["refusal"]) == ("old", "cohort", "wary", None)


@pytest.mark.parametrize(("words", "side"), [((), "old"), (("--flag", "orders=true"), "new")])
def test_what_a_flag_says_can_be_supposed(words: tuple[str, ...], side: str, tmp_path: Path) -> None:
    """
    Only a running Parallax has it asked.
    """
    said = json.loads(check(tmp_path, "--request", "GET /decided", "--json", *words).stdout)

    assert said["side"] == side
    assert said["flag"].startswith("orders (decide): ")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--request", "GET"), 1, "refused with 400: malformed request line"),
        (("--request", "FOO /"), 1, "refused with 501"),
        (("--request", "POST /", "--header", "Content-Length: 99999999999999"), 1, "refused with 413"),
        (("--request", "GET /", "--flag", "orders=yes"), 2, "write orders-v2=true or orders-v2=false"),
        (("--request", "GET /", "--client", "here"), 2, "'here' is no address"),
        (("parallax.yaml", "--request", "GET /"), 2, "name one FILE"),
    ],
)
def test_what_cannot_be_explained_is_told(words: tuple[str, ...], code: int, sentence: str, tmp_path: Path) -> None:
    """
    Exit code 1 where Parallax would answer itself, 2 where the question is none.
    """
    said = check(tmp_path, *words)

    assert said.exit_code == code
    assert sentence in " ".join(said.output.split())
