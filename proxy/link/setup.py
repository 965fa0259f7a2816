"""
How Parallax was started, as control gets it: the first frame on its link, and the same again after a reload. Pure.

Made from the settings (`proxy/settings/setup.py`). Control is quick to start because it reads this, and not the
configuration: that is only read again for a reload.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from proxy.evidence.batch import Caps

OptionPath = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """
    Somebody who may ask: `sha256` is the hexadecimal SHA-256 of a bearer token that is kept nowhere here.
    """

    name: str
    role: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """
    The two PEM files of an encrypted admin port, with their whole paths.
    """

    certificate: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanText:
    """
    A plan as it is written, and what it was read from.
    """

    file: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """
    All paths are whole ones.

    `file` None: started without one. `content` is the SHA-256 of what the file held, `options` what the command line
    said, by key path, stronger than the file also at a reload. `tokens` are the configured ones and the environment's;
    none: control makes one. `new` and `mirror` are the percentages for the very first start, None where the
    configuration leaves them out. `fixed` has the keys that only a restart can change, as dotted name and text.
    `caps` bound the evidence. `files` has the PEM files that the configuration names, and the SHA-256 of what was in
    each. `flags` is what makes the provider of feature flags, as "module:callable". `plan` is the one that Parallax was
    started with, or that was started last.
    """

    file: str | None
    content: str
    folder: str
    options: tuple[tuple[OptionPath, Any], ...]
    store: str
    state: str
    kill_file: str
    tokens: tuple[Token, ...]
    tls: Certificate | None
    hosts: tuple[str, ...]
    bound: str
    new: float | None
    mirror: float | None
    fixed: tuple[tuple[str, str], ...]
    caps: Caps = field(default_factory=Caps)
    files: tuple[tuple[str, str], ...] = ()
    flags: str | None = None
    plan: PlanText | None = None


def encode(setup: Setup) -> bytes:
    """
    A setup as it travels over a link.
    """
    return orjson.dumps(asdict(setup))


def decode(data: bytes) -> Setup:
    """
    The setup that `encode` made these bytes of. Raises KeyError, TypeError or ValueError for anything else.
    """
    raw: dict[str, Any] = orjson.loads(data)
    tls, plan = raw.pop("tls"), raw.pop("plan", None)
    return Setup(
        options=tuple((tuple(path), value) for path, value in raw.pop("options")),
        tokens=tuple(Token(**token) for token in raw.pop("tokens")),
        tls=None if tls is None else Certificate(**tls),
        hosts=tuple(raw.pop("hosts")),
        fixed=tuple((name, text) for name, text in raw.pop("fixed")),
        caps=Caps(**raw.pop("caps")),
        files=tuple((name, content) for name, content in raw.pop("files")),
        plan=None if plan is None else PlanText(**plan),
        **raw,
    )
