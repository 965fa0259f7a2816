"""
Redaction: what is kept of an answer, with secrets and personal data replaced by salted digests.

Equal values have equal digests, so that people still see what is equal; without the salt, which never leaves the
deployment, a digest can't be tried against a list of guesses. Done in the comparer, before anything is kept or sent on.

A value is replaced for the name it stands under (`password`, `Set-Cookie`), for its looks (a JWT, an address, a card
number, a long word of letters and digits such as keys are), or because the configuration names its place. What looks
like a UUID or a hash keeps that form, so that a rule that excuses forms can still be tried on what was kept.
"""

import hmac
import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, unquote

from proxy.compare.leaf import Leaf, Rules
from proxy.compare.paths import parse_path
from proxy.compare.redaction import Redaction
from proxy.compare.states import Machine

# Members, parameters and fields whose values are secrets by their names.
NAMES: Final = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|auth(?:orization|entication)?|cookie|session(?:[_-]?id)?"
    r"|sid|jwt|bearer|credential|private[_-]?key|access[_-]?key|signature|otp|pin|cvv|cvc|ssn|iban|csrf|xsrf"
)
SECRET_NAME: Final = re.compile(rf"(?i)(?:^|[_.@-])(?:{NAMES})s?(?:$|[_.-])")
CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# The same in running text: password=…, "token": "…", <secret>…</secret>. A name is at most so long before and after
# the word, and a value ends where the next thing begins.
ASSIGNED: Final = re.compile(
    rf"(?i)((?<![a-z0-9])(?:[a-z0-9]{{1,20}}[_.-]){{0,3}}(?:{NAMES})s?(?:[_.-][a-z0-9]{{1,20}}){{0,3}}"
    r"[\"']?(?:\s{0,3}[=:]\s{0,3}|>)[\"']?)([^\s\"'<>&;,{}\[\]]+)"
)
# Values that are secrets by their looks, wherever they stand: each costs one scan, and none can backtrack for long.
PATTERNS: Final = (
    re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"),
    re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{2,}\.?[A-Za-z0-9_-]*"),  # JWT
    re.compile(r"(?i)\b(?:bearer|basic|digest)\s+[A-Za-z0-9._~+/=-]{8,}", re.ASCII),
    re.compile(r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|xox[abprs]|plx|AKIA|ASIA)[_-]?[A-Za-z0-9_-]{12,}", re.ASCII),
    # An address. What stands before the @ is scanned for once from where it begins.
    re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
)
# Words such as keys are: twelve characters or more, of which three are digits and three are letters.
WORD: Final = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{12,}={0,2}")
LEAST_OF_EACH: Final = 3
HEX: Final = re.compile(r"[0-9a-f]{12,}|[0-9A-F]{12,}")
UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
# Card numbers: 13 to 19 digits (ISO/IEC 7812-1), perhaps in groups, that pass Luhn's check; among other numbers too.
NUMBERS: Final = re.compile(r"[0-9]+(?:[ -][0-9]+)*")
GROUP: Final = re.compile(r"[0-9]+")
CARD_DIGITS: Final = range(13, 20)
# Groups of one card.
GROUPS: Final = 7
DIGITS: Final = 12
MADE: Final = re.compile(r"[0-9a-f]{12}")
MARK: Final = "#"
# Names whose looks are remembered, and how long they may be: 1 MiB in all.
NAMES_KEPT: Final = 4096
LONGEST_KEPT: Final = 100
# What every secret that is known by its looks has one of, as long as no pattern is configured.
SUSPECT: Final = re.compile(r"[0-9@]|(?i:eyj|bearer|basic|digest|key)|[sprk][kp][_-]|gh[pos]|github|xox|plx|A[KS]IA")


def luhn(digits: str) -> bool:
    """
    Luhn's check (ISO/IEC 7812-1 annex B): every other digit from the right doubled, the sum a multiple of 10.
    """
    doubled = [int(digit) for digit in reversed(digits)]
    doubled[1::2] = [2 * digit - 9 * (digit > 4) for digit in doubled[1::2]]
    return sum(doubled) % 10 == 0


def _is_card(groups: Sequence[re.Match[str]]) -> bool:
    digits = "".join(group[0] for group in groups)
    return len(digits) in CARD_DIGITS and luhn(digits)


class Redactor:
    """
    Replaces by one salt. Raises `ValueError` for a path or pattern that can't be read.
    """

    def __init__(self, redaction: Redaction, salt: bytes) -> None:
        self._salt = salt
        self._headers = frozenset(name.lower() for name in redaction.headers)
        self._query = frozenset(redaction.query)
        try:
            self._patterns = (*PATTERNS, *(re.compile(pattern) for pattern in redaction.patterns))
        except re.error as error:
            raise ValueError(f"{error.pattern!r} is no regular expression ({error})") from error
        self._is_quick = not redaction.patterns
        self._rules: Rules | None = None
        if redaction.paths:
            leaf = Leaf(ignore=0)
            self._rules = Machine([parse_path(path) for path in redaction.paths], lambda _numbers: leaf).start

    # What stands for a value...

    @property
    def has_paths(self) -> bool:
        """
        Are there places in bodies to be redacted?
        """
        return self._rules is not None

    def digest(self, value: str) -> str:
        """
        What stands for a value: the same for the same value, under one salt.
        """
        return MARK + self._hex(value)[:DIGITS]

    def _hex(self, value: str) -> str:
        return hmac.new(self._salt, value.encode("utf-8", "surrogatepass"), sha256).hexdigest()

    def _formed(self, value: str) -> str:
        """
        The digest in the form of the value, if that is a UUID or a hash; else as any other.
        """
        if UUID.fullmatch(value) is not None:
            made = self._hex(value.lower())
            formed = "-".join((made[:8], made[8:12], made[12:16], made[16:20], made[20:32]))
        elif HEX.fullmatch(value) is not None and len(value) <= 64:
            formed = self._hex(value)[: len(value)]
        else:
            return self.digest(value)
        return formed.upper() if value.upper() == value else formed

    # ... and where values stand.

    def text(self, text: str) -> str:
        """
        A text with what looks like a secret replaced.
        """
        if self._is_quick and SUSPECT.search(text) is None:
            return text
        # Cards first: a digest has digits too.
        text = NUMBERS.sub(self._card, text)
        for pattern in self._patterns:
            text = pattern.sub(lambda match: self.digest(match[0]) if match[0] else "", text)
        return WORD.sub(self._word, text)

    def running(self, text: str) -> str:
        """
        `text` of something that has names in it: a page, a log, a list of settings.
        """
        # Afterwards, since a scheme and its token (Bearer …) are two words.
        return ASSIGNED.sub(lambda match: match[1] + self.digest(match[2]), self.text(text))

    def _card(self, match: re.Match[str]) -> str:
        run = match[0]
        if len(run) < CARD_DIGITS[0]:
            return run
        groups, shown, end, at = list(GROUP.finditer(run)), "", 0, 0
        while at < len(groups):
            card = next(
                (last for last in range(at, min(at + GROUPS, len(groups))) if _is_card(groups[at : last + 1])), None
            )
            if card is not None:
                digits = "".join(group[0] for group in groups[at : card + 1])
                shown += run[end : groups[at].start()] + self.digest(digits)
                end, at = groups[card].end(), card
            at += 1
        return shown + run[end:]

    def _word(self, match: re.Match[str]) -> str:
        word = match[0]
        digits = sum(map(str.isdigit, word))
        letters = sum(map(str.isalpha, word))
        if digits < LEAST_OF_EACH or letters < LEAST_OF_EACH:
            return word
        # What an earlier pattern put there.
        if match.string[match.start() - 1 : match.start()] == MARK and MADE.fullmatch(word) is not None:
            return word
        return self._formed(word)

    def value(self, value: Any) -> Any:
        """
        A body's value, redacted by path, by the names of members, and by looks.
        """
        return self._value(value, self._rules)

    def at(self, steps: Sequence[str | int], value: Any) -> Any:
        """
        The value at one place of a body.
        """
        rules, is_secret = self._rules, False
        for step in steps:
            if rules is not None:
                is_secret = is_secret or (rules.here is not None and rules.here.ignore is not None)
                rules = rules.element(step) if isinstance(step, int) else rules.member(step)
            is_secret = is_secret or (isinstance(step, str) and self.is_secret(step))
        return self._covered(value) if is_secret and value is not None else self._value(value, rules)

    def _value(self, value: Any, rules: Rules | None) -> Any:
        if rules is not None and rules.here is not None:
            return self._covered(value)
        if isinstance(value, dict):
            return {
                self.text(name): self._covered(one)
                if self.is_secret(name)
                else self._value(one, None if rules is None else rules.member(name))
                for name, one in value.items()
            }
        if isinstance(value, list):
            return [
                self._value(one, None if rules is None else rules.element(index)) for index, one in enumerate(value)
            ]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 64:
            digits = str(abs(value))
            return self.digest(digits) if len(digits) >= 13 and luhn(digits) else value
        return value

    def _covered(self, value: Any) -> Any:
        """
        What is a secret for its name or place. How it is built stays visible; null, true and false are none.
        """
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, dict):
            return {self.text(name): self._covered(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._covered(one) for one in value]
        return self._formed(value) if isinstance(value, str) else self.digest(repr(value))

    def header(self, name: str, value: str) -> str:
        """
        A header field's value.
        """
        if name in self._headers or self.is_secret(name):
            return self.digest(value)
        return self.running(value) if name != "location" else self.target(value)

    def query(self, names: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """
        A query's parameters.
        """
        return [
            (self.text(name), self.digest(value) if name in self._query or self.is_secret(name) else self.text(value))
            for name, value in names
        ]

    def target(self, target: str) -> str:
        """
        A request target, or another URL: path and query, without what a user and a fragment may say.
        """
        whole = target.partition("#")[0]
        path, mark, query = whole.partition("?")
        scheme, slashes, rest = path.partition("://")
        if slashes:
            host, slash, below = rest.partition("/")
            path = f"{scheme}://{host.rpartition('@')[2]}{slash}{below}"
        shown = "/".join(self._quoted(segment, "@:!$&'()*+,;=") for segment in path.split("/"))
        if not mark:
            return shown
        parts = []
        for part in query.split("&"):
            name, equals, value = part.partition("=")
            if name in self._query or self.is_secret(unquote(name)):
                value = self.digest(value) if value else ""
            else:
                value = self._quoted(value, "@:!$'()*+,;/?")
            parts.append(f"{self._quoted(name, '[]')}{equals}{value}")
        return f"{shown}?{'&'.join(parts)}"

    def _quoted(self, part: str, safe: str) -> str:
        """
        A part of a URL: as it was, unless something in it is replaced.
        """
        plain = unquote(part)
        redacted = self.text(plain)
        return part if redacted == plain else quote(redacted, safe=f"{safe}{MARK}")

    @staticmethod
    def is_secret(name: str) -> bool:
        """
        Does a name say that its value is a secret?
        """
        return _is_secret(name) if len(name) <= LONGEST_KEPT else _is_secret.__wrapped__(name)


@lru_cache(NAMES_KEPT)
def _is_secret(name: str) -> bool:
    return SECRET_NAME.search(CAMEL.sub("_", name)) is not None
