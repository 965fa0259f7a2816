"""
What must hold of whatever says who is who: files of keys, the key that tokens are signed with, feature flags.
"""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from proxy.routing.claims import PEM, Claims
from proxy.settings.flags import EXAMPLE
from proxy.settings.model import Settings
from proxy.settings.sentences import Finding

# Of one file: keys, and bytes. A worker keeps 8 bytes of each.
MOST: Final = 1_000_000
LARGEST: Final = 64 * 1024 * 1024
# RFC 7518 §3.2: an HS256 key of fewer bytes can be guessed.
SHORTEST: Final = 32
UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


def check_cohorts(settings: Settings, folder: Path, values: Mapping[str, str]) -> Iterator[Finding]:
    """
    What is wrong with files of keys, flags and the key of tokens; `values` are those of variables and files.
    """
    for place, cohort in enumerate(settings.cohorts):
        if cohort.match.keys is not None:
            where = ("cohorts", place, "match", "keys")
            if trouble := _trouble(folder / cohort.match.keys):
                yield Finding(key=where, said=f"{cohort.match.keys}: {trouble}")
            if settings.sticky.key == ("request",):
                yield Finding(key=where, said="needs to know clients by something; write a sticky.key such as [client]")
    yield from _check_flags(settings)
    if (reference := settings.claims.key) is not None and (key := values.get(reference)) is not None:
        yield from _check_key(reference, key)


def _check_flags(settings: Settings) -> Iterator[Finding]:
    is_there = find_spec("openfeature") is not None
    if settings.flags.provider is not None and not is_there:
        said = "needs OpenFeature; install openfeature-sdk beside Parallax, and the provider of your choice"
        yield Finding(key=("flags", "provider"), said=said)
    for place, route in enumerate(settings.routes):
        if route.flag.key is not None and settings.flags.provider is None:
            said = f"nobody knows what it says; write a flags.provider such as {EXAMPLE}"
            yield Finding(key=("routes", place, "flag", "key"), said=said)


def _check_key(reference: str, key: str) -> Iterator[Finding]:
    where = ("claims", "key")
    if key.startswith(PEM) and "PRIVATE KEY-----" in key:
        said = "is a private key, which whoever verifies tokens must not have; give the public one of it"
        yield Finding(key=where, said=f"{reference}: {said} (openssl pkey -pubout)")
        return
    try:
        Claims(key, lambda: 0.0)
    except ImportError:
        yield Finding(
            key=where, said="a public key needs PyJWT; install PyJWT[crypto] beside Parallax, or give a secret"
        )
    except ValueError:
        yield Finding(key=where, said=f"{reference}: is no public key for RS256 or ES256; give one in PEM, or a secret")
    if len(key) < SHORTEST:
        said = f"{reference}: a secret of less than {SHORTEST} bytes can be guessed; use a longer one"
        yield Finding(key=where, said=said, warning=True)


def _trouble(path: Path) -> str:
    try:
        with path.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        return f"can't be read ({(error.strerror or 'unreadable').lower()}); write the path of a file, one key a line"
    if data.startswith(UTF_16):
        return "is in UTF-16, as some spreadsheets save text; save it as UTF-8"
    if len(data) > LARGEST or data.count(b"\n") > MOST:
        return f"is longer than {MOST} lines or {LARGEST // 1024 // 1024} MiB; list fewer keys"
    return ""
