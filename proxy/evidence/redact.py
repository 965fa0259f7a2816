"""
Redaction: what is kept of an answer, with secrets and personal data replaced by salted digests.

Equal values have equal digests, so that people still see what is equal; without the salt, which never leaves the
deployment, a digest can't be tried against a list of guesses. Done in the comparer, before anything is kept or sent on.

A value is replaced for the name it stands under (`password`, `Set-Cookie`), for its looks (a JWT, an address, a card
number, a long word of letters and digits such as keys are), because the configuration names its place, or because it is
a secret that routes give to sides. What looks like a UUID or a hash keeps that form, so that a rule that excuses forms
can still be tried on what was kept.
"""

import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    r"pass(?:word|wd|phrase|code)?|pwd|pw|nonce|secret|token|api[_-]?key|auth(?:orization|entication)?|cookie|session(?:[_-]?id)?"
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
# A tag and the text behind it; its attributes; those that name a field of a form, and those that fill it.
TAG: Final = re.compile(r"(<[A-Za-z](?:\"[^\"<]*\"|'[^'<]*'|[^<>\"'])*>)([^<]*)")
# What follows these is nothing that they hold.
VOID: Final = re.compile(r"(?i)<(?:input|meta|link|img|param|form|label)\b")
ATTRIBUTE: Final = re.compile(r"([A-Za-z][\w:.-]{0,50}\s{0,9}=\s{0,9})(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>=]+))")
NAMING: Final = frozenset({"name", "id", "type", "property", "itemprop", "autocomplete", "key"})
FILLING: Final = frozenset({"value", "content", "data-value", "data-content"})
# The same among members: {"name": "password", "value": …}, also as attributes of XML.
NAMING_MEMBERS: Final = ("name", "@name", "key", "@key", "id", "@id", "field", "@field")
FILLING_MEMBERS: Final = frozenset({"value", "@value", "content", "@content", "#text"})
# What stands in a redirection is a secret by these names too: OAuth's code (RFC 6749 §4.1.2).
REDIRECTED: Final = frozenset({"code", "state"})
# Values that are secrets by their looks, wherever they stand: each costs one scan, and none can backtrack for long.
PATTERNS: Final = (
    re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"),
    re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{2,}\.?[A-Za-z0-9_-]*"),  # JWT
    re.compile(r"(?i)\b(?:bearer|basic|digest)\s+[A-Za-z0-9._~+/=-]{8,}", re.ASCII),
    re.compile(r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|xox[abprs]|plx|AKIA|ASIA)[_-]?[A-Za-z0-9_-]{12,}", re.ASCII),
    # Who asks, in a URL.
    re.compile(r"(?<=://)[^\s/?#@\"'<>]{1,256}(?=@)"),
    # An address. What stands before the @ is scanned for once from where it begins.
    re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
)
# Words such as keys are: twelve characters or more, of which three are digits and three are letters.
WORD: Final = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{12,}={0,2}")
LEAST_OF_EACH: Final = 3
# Characters of a configured secret that is looked for: shorter ones stand everywhere.
LEAST_KNOWN: Final = 6
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
# Attributes of cookies that are no secrets.
ATTRIBUTES: Final = frozenset({"domain", "max-age", "path", "priority", "samesite"})
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
        self._secrets = _known(redaction.secrets)
        self._is_quick = not redaction.patterns and self._secrets is None
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
        A text with what looks like a secret replaced. It has as many lines as before.
        """
        return self._text(text, set())

    def running(self, text: str) -> str:
        """
        `text` that may have names in it: a page, a log, a list of settings, a URL.
        """
        made: set[str] = set()
        if "<" in text:
            text = TAG.sub(lambda match: self._tag(match[1], match[2], made), text)
        text = self._text(text, made)
        if "=" not in text and ":" not in text and ">" not in text:
            return text
        # Afterwards, since a scheme and its token (Bearer …) are two words. What was replaced already has its digest.
        return ASSIGNED.sub(lambda match: match[0] if match[2] in made else match[1] + self._formed(match[2]), text)

    def _text(self, text: str, made: set[str]) -> str:
        """
        As `text`; what was `made` stays, and what is made now is added.
        """
        if self._is_quick and SUSPECT.search(text) is None:
            return text

        def hide(match: re.Match[str]) -> str:
            # The digest of who asks, before the @ of a URL, looks like one who has an address.
            if not match[0] or MARK + match[0].partition("@")[0] in made:
                return match[0]
            return noted(self.digest(match[0])) + "\n" * match[0].count("\n")

        def noted(digest: str) -> str:
            made.add(digest)
            return digest

        def word(match: re.Match[str]) -> str:
            shown = match[0] if match[0] in made else self._word(match)
            return match[0] if shown == match[0] else noted(shown)

        # What is known first, as a whole; then cards: a digest has digits too.
        if self._secrets is not None:
            text = self._secrets.sub(hide, text)
        text = NUMBERS.sub(
            lambda match: match[0] if len(match[0]) < CARD_DIGITS[0] else self._card(match[0], noted), text
        )
        for pattern in self._patterns:
            text = pattern.sub(hide, text)
        return WORD.sub(word, text)

    def _tag(self, tag: str, text: str, made: set[str]) -> str:
        """
        A tag, and what it holds: what fills a field is a secret where the field's name says so.
        """
        named = [(_attribute(match), match[2] or match[3] or match[4] or "") for match in ATTRIBUTE.finditer(tag)]
        if not any(name in NAMING and self.is_secret(value) for name, value in named):
            return tag + text

        def fill(value: str) -> str:
            digest = self._formed(value)
            made.add(digest)
            return digest + "\n" * value.count("\n")

        def attribute(match: re.Match[str]) -> str:
            value = match[2] or match[3] or match[4]
            return f'{match[1]}"{fill(value)}"' if value and _attribute(match) in FILLING else match[0]

        held = text.strip()
        if held and VOID.match(tag) is None:
            text = text.replace(held, fill(held))
        return ATTRIBUTE.sub(attribute, tag) + text

    def _card(self, run: str, noted: Callable[[str], str]) -> str:
        groups, shown, end, at = list(GROUP.finditer(run)), "", 0, 0
        while at < len(groups):
            card = next(
                (last for last in range(at, min(at + GROUPS, len(groups))) if _is_card(groups[at : last + 1])), None
            )
            if card is not None:
                digits = "".join(group[0] for group in groups[at : card + 1])
                shown += run[end : groups[at].start()] + noted(self.digest(digits))
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

    def filled(self, value: Any) -> Iterator[tuple[Any, str]]:
        """
        What a body's value is filled with that is a secret for a name beside it, and what stands for that: of a single
        one of them nobody could tell.
        """
        waiting = [(value, False)]
        while waiting:
            one, is_secret = waiting.pop()
            if isinstance(one, dict):
                is_filled = _filled(one)
                waiting += [
                    (below, is_secret or (is_filled and name in FILLING_MEMBERS)) for name, below in one.items()
                ]
            elif isinstance(one, list):
                waiting += [(below, is_secret) for below in one]
            elif is_secret and one is not None and not isinstance(one, bool):
                yield one, self._covered(one)

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
            filled = _filled(value)
            return {
                self.text(name): self._covered(one)
                if self.is_secret(name) or (filled and name in FILLING_MEMBERS)
                else self._value(one, None if rules is None else rules.member(name))
                for name, one in value.items()
            }
        if isinstance(value, list):
            return [
                self._value(one, None if rules is None else rules.element(index)) for index, one in enumerate(value)
            ]
        if isinstance(value, str):
            return self.running(value)
        if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 64:
            digits = str(abs(value))
            is_known = self._secrets is not None and self._secrets.fullmatch(digits) is not None
            return self.digest(digits) if is_known or (len(digits) >= 13 and luhn(digits)) else value
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
        if name == "set-cookie" and name not in self._headers:
            return self._cookie(value)
        if name in self._headers or self.is_secret(name):
            return self.digest(value)
        return self.running(value) if name != "location" else self.target(value, REDIRECTED)

    def _cookie(self, line: str) -> str:
        """
        Set-Cookie's name and attributes. Workers have taken the value out (`wire.setting`); if not, it is done here.
        """
        first, *others = (part.strip().partition("=") for part in line.split(";"))
        shown = [self.text(first[0]) + (f"={self.digest(first[2])}" if first[2] else "")]
        for name, equals, value in others:
            said = self.text(value) if name.lower() in ATTRIBUTES or not value else self.digest(value)
            shown.append(self.text(name) + equals + said)
        return "; ".join(shown)

    def query(self, names: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """
        A query's parameters.
        """
        return [
            (self.text(name), self.digest(value) if name in self._query or self.is_secret(name) else self.text(value))
            for name, value in names
        ]

    def target(self, target: str, secrets: frozenset[str] = frozenset()) -> str:
        """
        A request target, or another URL: path and query, without what a user and a fragment may say. `secrets` are more
        names of parameters.
        """
        if self._secrets is not None:
            # They may have slashes.
            target = self._secrets.sub(lambda match: quote(self.digest(match[0])), target)
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
            if name in self._query or name in secrets or self.is_secret(unquote(name)):
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


def _known(secrets: Sequence[str]) -> re.Pattern[str] | None:
    """
    Finds secrets, also behind a scheme that they came with (`Bearer …`), and as they stand in a URL.
    """
    parts = {part for secret in secrets for part in (secret, secret.partition(" ")[2]) if len(part) >= LEAST_KNOWN}
    forms = parts | {quote(part, safe="") for part in parts}
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None


def _attribute(match: re.Match[str]) -> str:
    return match[1].rstrip(" \t\r\n\f\v=").lower()


def _filled(value: Mapping[str, Any]) -> bool:
    """
    Does an object say by the name within it that what it is filled with is a secret?
    """
    for naming in NAMING_MEMBERS:
        name = value.get(naming)
        if isinstance(name, str) and Redactor.is_secret(name):
            return True
    return False


@lru_cache(NAMES_KEPT)
def _is_secret(name: str) -> bool:
    return SECRET_NAME.search(CAMEL.sub("_", name)) is not None
