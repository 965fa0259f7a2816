"""
Answers and books in a few words, for tests of the judge; rules as they are written in parallax.yaml.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import brotli
import zstandard

from proxy.compare.answer import Answer, Cut
from proxy.compare.difference import WORDS, Difference, Kind, Part
from proxy.compare.judge import Book, Judgement, judge
from proxy.compare.rules import Rule, compile_rules
from proxy.settings.model import Compare
from proxy.settings.rules import PARSERS

ENDPOINT = "GET /things/{id}"
KINDS = {word: kind for kind, word in WORDS.items()}


def _raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def _zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "GZIP": ("GZIP", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "gzip-fast": ("gzip", lambda content: gzip.compress(content, 1, mtime=7)),
    "gzip-twice": ("gzip", lambda content: gzip.compress(content[:3]) + gzip.compress(content[3:])),
    "gzip-cut": ("gzip", lambda content: gzip.compress(content)[:-9]),
    "deflate": ("deflate", zlib.compress),
    "deflate-more": ("deflate", lambda content: zlib.compress(content) + b"more"),
    "raw-deflate": ("deflate", _raw_deflate),
    "br": ("br", brotli.compress),
    "br-cut": ("br", lambda content: brotli.compress(content)[:-2]),
    "zstd": ("zstd", _zstd),
    "zstd-twice": ("zstd", lambda content: _zstd(content[:3]) + _zstd(content[3:])),
    "zstd-cut": ("zstd", lambda content: _zstd(content)[:-2]),
}


def answer(
    body: bytes | str = b"",
    media: str = "application/json",
    *,
    status: int = 200,
    coding: str = "",
    fields: Sequence[tuple[str, str]] = (),
) -> Answer:
    """
    An answer whose Content-Type is a compared field, as by default.
    """
    content = body.encode() if isinstance(body, str) else body
    own = (("content-type", media),) if media else ()
    return Answer(status=status, fields=(*own, *fields), media=media, coding=coding, content=content)


def described(told: Any, default: str, *, type_field: bool = True) -> Answer:
    """
    An answer as the labelled pairs tell it: a body, or an object with `body`, `hex`, `repeat`, `zeros` or `cut`, and
    `media`, `status`, `fields`, `coding`, `packed` (a coding that is applied), `encode` (a charset that is).
    """
    told = told if isinstance(told, dict) and "repeat" not in told else {"body": told}
    content: bytes | Cut = b""
    if "cut" in told:
        content = Cut(length=told["cut"][0], digest=bytes.fromhex(told["cut"][1]) * 32)
        coding = told.get("coding", "")
    else:
        content, coding = _packed(_content(told), told)
    media = told.get("media", default)
    fields = [("content-type", media)] if media and type_field else []
    for name, value in told.get("fields", {}).items():
        fields += [(name, line) for line in ([value] if isinstance(value, str) else value)]
    return Answer(status=told.get("status", 200), fields=tuple(fields), media=media, coding=coding, content=content)


def _content(told: Mapping[str, Any]) -> bytes:
    if "hex" in told:
        return bytes.fromhex(told["hex"])
    if "zeros" in told:
        return bytes(told["zeros"])
    body = told.get("body", "")
    if isinstance(body, dict):
        if "hex" in body:
            return bytes.fromhex(body["hex"])
        times, before, middle, after = body["repeat"]
        body = before * times + middle + after * times
    return str(body).encode(told.get("encode", "utf-8"))


def _packed(content: bytes, told: Mapping[str, Any]) -> tuple[bytes, str]:
    codings = []
    for name in filter(None, told.get("packed", "").split(", ")):
        coding, pack = PACKERS[name]
        content = pack(content)
        codings.append(coding)
    return content, ", ".join(codings) or told.get("coding", "")


def rules_of(section: Mapping[str, Any]) -> list[Rule]:
    """
    The rules of a `compare:` section of parallax.yaml, in the order of their numbers.
    """
    compare = Compare.model_validate(section)
    return [rule for name in PARSERS for rule in getattr(compare, name)]


def book(*rules: Rule, **more: Any) -> Book:
    """
    What pairs are judged by.
    """
    compiled = compile_rules(rules)
    return Book(
        endpoint=ENDPOINT,
        body=compiled.body,
        fields=compiled.fields,
        any_field=compiled.any_field,
        same_status=compiled.same_status,
        **more,
    )


def judged(
    old: bytes | str, new: bytes | str, *rules: Rule, media: str = "application/json", surveyed: bool = False
) -> Judgement:
    """
    Two bodies, judged.
    """
    return judge(answer(old, media), answer(new, media), book(*rules), surveyed=surveyed)


def found(judgement: Judgement) -> set[str]:
    """
    What was found, each as its kind and path.
    """
    return {shown(one) for one in judgement.differences}


def shown(difference: Difference) -> str:
    """
    A difference in the words of the labelled pairs.
    """
    path = difference.pattern.replace(":", " ") if difference.kind is Kind.STATUS else difference.path
    word = WORDS[difference.kind]
    return path if difference.kind is Kind.STATUS else f"{word} {path}"


def part(said: str) -> Part:
    """
    A pattern and kind from such words: indices folded, names as they are.
    """
    word, _, path = said.partition(" ")
    if word == "status":
        return "status:" + path.replace(" ", ":"), Kind.STATUS
    return re.sub(r"\[\d+\]", "[*]", path), KINDS[word]
