"""
Redaction: what is kept of an answer, with secrets and personal data replaced by salted digests.

Equal values have equal digests, so that people still see what is equal; without the salt, which never leaves the
deployment, a digest can't be tried against a list of guesses. Done in the comparer, before anything is kept or sent on.
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from proxy.compare.leaf import Leaf, Rules
from proxy.compare.paths import parse_path
from proxy.compare.states import Machine

# Members and parameters whose values are secrets by their names.
SECRET_NAME: Final = re.compile(
    r"(?i)(?:^|[_.-])(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|auth(?:orization)?|cookie|session(?:[_-]?id)?"
    r"|credential|private[_-]?key|signature|otp|pin|cvv|cvc|ssn|iban)s?(?:$|[_.-])"
)
CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Values that are secrets by their looks, wherever they stand: each costs one scan, and none can backtrack for long.
PATTERNS: Final = (
    re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),  # JWT
    re.compile(r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|xox[abprs]|plx|AKIA|ASIA)[_-]?[A-Za-z0-9_-]{12,}"),
    re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"),  # e-mail
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?"),
)
# Card numbers: 13 to 19 digits (ISO/IEC 7812-1), perhaps in groups, that pass Luhn's check.
CARD: Final = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")
DIGITS: Final = 12


def luhn(digits: str) -> bool:
    """
    Luhn's check (ISO/IEC 7812-1 annex B): every other digit from the right doubled, the sum a multiple of 10.
    """
    doubled = [int(digit) for digit in reversed(digits)]
    doubled[1::2] = [2 * digit - 9 * (digit > 4) for digit in doubled[1::2]]
    return sum(doubled) % 10 == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """
    What to replace besides what is known: header names in lower case, paths in bodies, names of query parameters,
    regular expressions.
    """

    headers: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


class Redactor:
    """
    Replaces by one salt. Raises `ValueError` for a path or pattern that can't be read.
    """

    def __init__(self, redaction: Redaction, salt: bytes) -> None:
        self._salt = salt
        self._headers = frozenset(redaction.headers)
        self._query = frozenset(redaction.query)
        self._patterns = (*PATTERNS, *(re.compile(pattern) for pattern in redaction.patterns))
        self._rules: Rules | None = None
        if redaction.paths:
            leaf = Leaf(ignore=0)
            self._rules = Machine([parse_path(path) for path in redaction.paths], lambda _numbers: leaf).start

    def digest(self, value: str) -> str:
        """
        What stands for a value: the same for the same value, under one salt.
        """
        return f"#{hmac.new(self._salt, value.encode('utf-8', 'surrogatepass'), sha256).hexdigest()[:DIGITS]}"

    def text(self, text: str) -> str:
        """
        A text with what looks like a secret replaced.
        """
        for pattern in self._patterns:
            text = pattern.sub(lambda match: self.digest(match[0]), text)
        return CARD.sub(self._card, text)

    def _card(self, match: re.Match[str]) -> str:
        digits = "".join(letter for letter in match[0] if letter.isdigit())
        return self.digest(digits) if luhn(digits) else match[0]

    def value(self, value: Any) -> Any:
        """
        A body's value, redacted by path, by the names of members, and by looks.
        """
        return self._value(value, self._rules)

    def _value(self, value: Any, rules: Rules | None) -> Any:
        if rules is not None and rules.here is not None:
            return self.digest(repr(value))
        if isinstance(value, dict):
            return {
                self.text(name): self.digest(repr(one))
                if one is not None and self.is_secret(name)
                else self._value(one, None if rules is None else rules.member(name))
                for name, one in value.items()
            }
        if isinstance(value, list):
            return [
                self._value(one, None if rules is None else rules.element(index)) for index, one in enumerate(value)
            ]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int) and not isinstance(value, bool) and len(digits := str(abs(value))) >= 13:
            return self.digest(digits) if luhn(digits) else value
        return value

    def header(self, name: str, value: str) -> str:
        """
        A header field's value.
        """
        if name in self._headers or self.is_secret(name):
            return self.digest(value)
        return self.text(value)

    def query(self, names: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """
        A query's parameters.
        """
        return [
            (name, self.digest(value) if name in self._query or self.is_secret(name) else self.text(value))
            for name, value in names
        ]

    @staticmethod
    def is_secret(name: str) -> bool:
        """
        Does a name say that its value is a secret?
        """
        return SECRET_NAME.search(CAMEL.sub("_", name)) is not None
