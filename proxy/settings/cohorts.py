"""
Cohorts as the configuration has them: whose requests they are, and how many of them new answers.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from proxy.routing.route import Cohort, Match
from proxy.settings.kinds import Kind, Networks, Percent
from proxy.settings.rewrite import ELSEWHERE
from proxy.settings.routes import NAMES, Name, RouteMatch, Side, as_tuple, named_once, parse_pairs, show_nothing
from proxy.settings.section import Section
from proxy.settings.sticky import CLAIM


def parse_reference(value: object) -> str | None:
    """
    Where a secret is: an environment variable or a file.
    """
    if value is None:
        return None
    if not isinstance(value, str) or ELSEWHERE.fullmatch(value) is None:
        # Not repeated: it may be the secret itself.
        raise ValueError("is not where a key is; write env:NAME, or file:PATH relative to this file")
    return value


MatchClaims = Annotated[
    tuple[tuple[str, str], ...],
    PlainValidator(parse_pairs("claim", name=CLAIM, example="{sub: user-7, groups: beta, tester: 'true'}")),
    NAMES,
]
Reference = Annotated[
    str | None,
    PlainValidator(parse_reference),
    Kind(words="env:NAME or file:PATH", show=lambda value: "null" if value is None else str(value)),
]


class ClaimsSettings(Section):
    """
    What tokens are believed.
    """

    key: Reference = Field(
        None, description="env:NAME or file:PATH of a secret (HS256) or a public key in PEM (RS256, ES256); null: any"
    )


class CohortMatch(RouteMatch):
    """
    What a client has to be, all of it.
    """

    claim: MatchClaims = Field((), description="claims of the bearer token with their values; of a list, one")
    address: Networks = Field(None, description="ranges such as [10.0.0.0/8, '::1'], one of which it comes from")
    keys: str | None = Field(None, description="a file of sticky keys, one a line")

    def build(self) -> Match:
        """
        As workers have it; `keys` as it is written here.
        """
        keys = None if self.keys is None else (self.keys, "")
        return replace(super().build(), claims=self.claim, addresses=self.address or (), keys=keys)


class CohortSettings(Section):
    """
    One cohort; the first that matches is a client's.
    """

    name: Name = Field(description="in metrics, changes and the audit", examples=["staff"])
    match: CohortMatch = Field(description="whose requests they are")
    weight: Percent | None = Field(None, description="share of them answered by new")
    side: Side | None = Field(None, description="instead of a weight: all of them, always")

    def build(self, folder: Path, held: Mapping[str, str]) -> Cohort:
        """
        As workers have it: files are in `folder`, and `held` says by their names what they hold.
        """
        match = self.match.build()
        if (name := self.match.keys) is not None:
            match = replace(match, keys=(str(folder / name), held.get(name, "")))
        side = None if self.side is None else ("old", "new").index(self.side)
        return Cohort(name=self.name, match=match, weight=self.weight or 0.0, side=side)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.weight is None) == (self.side is None):
            raise ValueError("needs either a weight, such as weight: 10, or a side, such as side: new")
        return self


Cohorts = Annotated[
    tuple[CohortSettings, ...],
    BeforeValidator(as_tuple),
    AfterValidator(named_once),
    Kind(words="list of cohorts", show=show_nothing, text=False),
]
