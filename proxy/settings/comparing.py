"""
The rules that pairs are judged by, as sections of the configuration have them.
"""

from pydantic import Field

from proxy.compare.rules import Rule
from proxy.settings.rules import (
    PARSERS,
    Arrays,
    Case,
    Forms,
    Ignore,
    IgnoreValues,
    NullIsMissing,
    Numbers,
    Rewrite,
    Statuses,
    Times,
    UrlHost,
    Whitespace,
)
from proxy.settings.section import Section


class Comparing(Section):
    """
    What of two answers counts.
    """

    ignore: Ignore = Field((), description="what is there may differ, or be missing")
    ignore_values: IgnoreValues = Field((), description="both values match a pattern from end to end")
    numbers: Numbers = Field((), description="within abs, or within rel times the larger")
    times: Times = Field((), description="at most so many seconds apart, in whatever formats")
    forms: Forms = Field((), description="both have a form: uuid, timestamp, hash, base64, integer or number")
    case: Case = Field((), description="upper and lower case are the same")
    whitespace: Whitespace = Field((), description="any white space is one space, and none at the ends")
    url_host: UrlHost = Field((), description="URLs without scheme and host")
    rewrite: Rewrite = Field((), description="texts after a regular expression has been replaced")
    arrays: Arrays = Field((), description="elements in any order: as a set, or matched by a key")
    null_is_missing: NullIsMissing = Field((), description="a member that is null is one that isn't there")
    status: Statuses = Field((), description="statuses that count as equal")

    def rules(self) -> tuple[Rule, ...]:
        """
        All of them, by what they do.
        """
        return tuple(rule for name in PARSERS for rule in getattr(self, name))
