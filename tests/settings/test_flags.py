"""
A flag needs somebody who knows what it says; what is none is refused.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.errors import ConfigurationError
from proxy.routing.route import Flag
from proxy.settings.load import Loaded, load

PROVIDER = "openfeature.contrib.provider.flagd:FlagdProvider"


def loaded(folder: Path, flag: dict[str, Any], provider: str | None = PROVIDER) -> Loaded:
    """
    A configuration with one flag.
    """
    file = folder / "parallax.yaml"
    sides = {"old": {"url": "http://127.0.0.1:9001"}, "new": {"url": "http://127.0.0.1:9002"}}
    routes = [{"name": "orders", "match": {"path": "/orders"}, "flag": flag}]
    file.write_text(yaml.safe_dump({**sides, "routes": routes, "flags": {"provider": provider}}))
    return load(file, environment={})


def test_a_flag_has_a_veto_for_five_seconds_by_default(tmp_path: Path) -> None:
    """
    The harmless of the two modes.
    """
    [route] = loaded(tmp_path, {"key": "orders-v2"}).settings.routes

    assert route.flag.build() == Flag(key="orders-v2", mode="veto", cache=5.0)


@pytest.mark.parametrize(
    ("flag", "provider", "said"),
    [
        ({"key": "orders-v2"}, None, "routes.0.flag.key: nobody knows what it says; write a flags.provider"),
        ({"key": "orders v2"}, PROVIDER, "is no key of a flag; write one such as orders-v2"),
        ({"key": "orders-v2", "mode": "maybe"}, PROVIDER, "routes.0.flag.mode"),
        ({"key": "orders-v2", "cache": 0}, PROVIDER, "routes.0.flag.cache"),
        ({"key": "orders-v2"}, "flagd", "names no provider; write module:callable"),
    ],
)
def test_what_is_none_is_refused(flag: dict[str, Any], provider: str | None, said: str, tmp_path: Path) -> None:
    """
    With its key, and what would be right.
    """
    with pytest.raises(ConfigurationError) as error:
        loaded(tmp_path, flag, provider)

    assert said in str(error.value)
