"""
What must hold of files that say who belongs to a cohort, and of the key that tokens are signed with.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from proxy.routing.claims import Claims
from proxy.settings.model import Settings
from proxy.settings.sentences import Finding

# Of one file: keys, and bytes. A worker keeps 8 bytes of each.
MOST: Final = 1_000_000
LARGEST: Final = 64 * 1024 * 1024
# RFC 7518 §3.2: an HS256 key of fewer bytes can be guessed.
SHORTEST: Final = 32


def check_cohorts(settings: Settings, folder: Path, values: Mapping[str, str]) -> Iterator[Finding]:
    """
    What is wrong with files of keys and with the key of tokens; `values` are those of variables and files.
    """
    for place, cohort in enumerate(settings.cohorts):
        if cohort.match.keys is not None:
            where = ("cohorts", place, "match", "keys")
            if trouble := _trouble(folder / cohort.match.keys):
                yield Finding(key=where, said=f"{cohort.match.keys}: {trouble}")
            if settings.sticky.key == ("request",):
                yield Finding(key=where, said="needs to know clients by something; write a sticky.key such as [client]")
    if (reference := settings.claims.key) is not None and (key := values.get(reference)) is not None:
        yield from _check_key(reference, key)


def _check_key(reference: str, key: str) -> Iterator[Finding]:
    where = ("claims", "key")
    try:
        Claims(key, lambda: 0.0)
    except ImportError:
        yield Finding(key=where, said="a public key needs PyJWT; install parallax-proxy[claims], or give a secret")
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
    if len(data) > LARGEST or data.count(b"\n") > MOST:
        return f"is longer than {MOST} lines or {LARGEST // 1024 // 1024} MiB; list fewer keys"
    return ""
