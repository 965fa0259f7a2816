"""
Feature flags as the configuration has them: who knows what they say, and which of them has a say in a route.
"""

import re
from typing import Annotated, Final, Literal

from pydantic import Field, PlainValidator

from proxy.routing.route import Flag
from proxy.settings.kinds import Kind, Seconds
from proxy.settings.quote import quote
from proxy.settings.section import Section

PROVIDER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
FLAG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", re.ASCII)
EXAMPLE: Final = "openfeature.contrib.provider.flagd:FlagdProvider"


def parse_provider(value: object) -> str | None:
    """
    What makes an OpenFeature provider when it is called without arguments.
    """
    if value is not None and (not isinstance(value, str) or PROVIDER.fullmatch(value) is None):
        raise ValueError(f"{quote(value)} names no provider; write module:callable, such as {EXAMPLE}")
    return value


def parse_flag(value: object) -> str | None:
    """
    A flag's key.
    """
    if value is not None and (not isinstance(value, str) or FLAG.fullmatch(value) is None):
        raise ValueError(f"{quote(value)} is no key of a flag; write one such as orders-v2")
    return value


def _show(value: str | None) -> str:
    return "null" if value is None else value


Provider = Annotated[str | None, PlainValidator(parse_provider), Kind(words="module:callable", show=_show)]
FlagKey = Annotated[str | None, PlainValidator(parse_flag), Kind(words="key of a flag", show=_show)]
Mode = Annotated[Literal["veto", "decide"], Kind(words="veto or decide", show=str)]


class FlagsSettings(Section):
    """
    Who knows what feature flags say.
    """

    provider: Provider = Field(None, description=f"makes an OpenFeature provider, such as {EXAMPLE}")


class FlagSettings(Section):
    """
    The feature flag of a route.
    """

    key: FlagKey = Field(None, description="its key; null: none")
    mode: Mode = Field(
        "veto",
        description="veto: false keeps requests on old; decide: true is new where its share is above 0, false is old",
    )
    cache: Seconds = Field(5.0, ge=0.1, le=3600, description="how long what it says of a client counts")

    def build(self) -> Flag | None:
        """
        As workers have it.
        """
        return None if self.key is None else Flag(key=self.key, mode=self.mode, cache=self.cache)
