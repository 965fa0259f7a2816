"""
Settings become the table that workers route by, nothing lost on the way.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from proxy.routing import table
from proxy.routing.table import decode, encode
from proxy.settings import model
from proxy.settings.model import Settings
from proxy.settings.table import SIGNIFICANT, build_table

FOLDER = Path("/etc/parallax")


def settings(**values: Any) -> Settings:
    sides = {"old": {"url": "http://old:9001"}, "new": {"url": "https://new/v2"}}
    return Settings.model_validate({**sides, **values})


@pytest.mark.parametrize("name", ["Limits", "Timeouts", "Mirror"])
def test_sections_and_the_table_have_the_same_fields(name: str) -> None:
    """
    A limit that can be configured is one that workers get, and the other way round.
    """
    in_model = list(getattr(model, name).model_fields)

    assert in_model == [field.name for field in fields(getattr(table, name))]


def test_a_table_travels() -> None:
    """
    What is built survives the way over a link.
    """
    built = build_table(settings(compare={"headers": ["etag"]}, metrics={"endpoints": ["GET /a"]}), FOLDER)

    assert decode(encode(built)) == built


def test_sides_are_addresses() -> None:
    """
    Old first; base path, port and the name to verify are worked out.
    """
    old, new = build_table(settings(), FOLDER).sides

    assert (old.scheme, old.address, old.port, old.base, old.host) == ("http", "old", 9001, "", None)
    assert (new.scheme, new.address, new.port, new.base, new.server_name) == ("https", "new", 443, "/v2", "new")
    assert (new.ca, new.verify) == (None, True)


@pytest.mark.parametrize(("host", "expected"), [("preserve", None), ("upstream", "old:9001"), ("shop", "shop")])
def test_the_host_that_a_side_gets(host: str, expected: str | None) -> None:
    """
    None lets the client's through.
    """
    built = build_table(settings(old={"url": "http://old:9001", "host": host}), FOLDER)

    assert built.sides[0].host == expected


def test_a_relative_ca_is_beside_the_file() -> None:
    """
    Workers run elsewhere, so they get a whole path.
    """
    tls = {"ca": "tls/ca.pem", "server_name": "shop", "verify": True}
    side = build_table(settings(new={"url": "https://new", "tls": tls}), FOLDER).sides[1]

    assert (side.ca, side.server_name) == ("/etc/parallax/tls/ca.pem", "shop")


def test_a_side_s_addresses_certificate_and_rules_travel() -> None:
    """
    Files whole, a Unix socket as the one address, and no health where nobody asks for it.
    """
    tls = {"certificate": "us.pem", "key": "/keys/us.key"}
    old = {"url": "http://unix:/run/old.sock:/v1", "health": {"path": "/up"}, "eject": {"consecutive": 7}}
    new = {"url": "https://new", "tls": tls, "addresses": ["10.0.0.1:1", "unix:/run/new.sock"]}
    built = build_table(settings(old=old, new=new), FOLDER, {"us.pem": "aa", "/keys/us.key": "bb"})
    one, other = built.sides

    assert (one.addresses, one.base, one.host) == (("unix:/run/old.sock",), "/v1", None)
    assert one.url == "http://unix:/run/old.sock:/v1"
    assert one.health is not None
    assert (one.health.path, one.eject.consecutive) == ("/up", 7)
    assert other.addresses == ("10.0.0.1:1", "unix:/run/new.sock")
    assert (other.certificate, other.key, other.files) == ("/etc/parallax/us.pem", "/keys/us.key", "aa bb")
    assert other.health is None
    assert decode(encode(built)) == built


def test_a_ca_file_with_other_authorities_is_another_configuration() -> None:
    """
    Under the same name, as when it is renewed: a reload has to be seen.
    """
    secure = settings(new={"url": "https://new", "tls": {"ca": "ca.pem"}})
    one, other = (build_table(secure, FOLDER, {"ca.pem": content}) for content in ("aa", "bb"))

    assert (one.sides[0].files, one.sides[1].files) == ("", "aa")
    assert one.digest != other.digest


@pytest.mark.parametrize(
    ("headers", "expected"), [("significant", SIGNIFICANT), ("all", ("*",)), (["ETag"], ("etag",)), ([], ())]
)
def test_compared_headers(headers: object, expected: tuple[str, ...]) -> None:
    """
    Words are spelled out for workers.
    """
    assert build_table(settings(compare={"headers": headers}), FOLDER).headers == expected


def test_the_digest_names_the_configuration() -> None:
    """
    The same for the same settings, another for any other.
    """
    one = build_table(settings(), FOLDER).digest
    changes: list[dict[str, Any]] = [
        {"pseudonym": "p"},
        {"limits": {"fields": 99}},
        {"old": {"url": "http://old:9003"}},
    ]

    assert one == build_table(settings(workers=2), FOLDER).digest
    assert len({one, *(build_table(settings(**change), FOLDER).digest for change in changes)}) == 4


def test_intent_starts_as_configured() -> None:
    """
    Epoch 1; the weight and what is mirrored, credentials stripped when asked to.
    """
    built = build_table(settings(weights={"new": 2.5}, mirror={"percent": 50, "credentials": "strip"}), FOLDER)

    assert (built.epoch, built.weight, built.mirror.percent, built.mirror.credentials) == (1, 2.5, 50, False)
