"""
Values that a configuration names and doesn't hold: secrets in environment variables and files.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from proxy.references import Unreadable, look_up
from proxy.routing.claims import PEM
from proxy.settings.model import Settings
from proxy.settings.rewrite import VALUE
from proxy.settings.sentences import Finding


def read_elsewhere(settings: Settings, folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """
    The values by how they are named, such as "env:NEW_TOKEN"; those that can't be had are left out.
    """
    found = {}
    for _, reference in _named(settings):
        value, _ = _look(reference, folder, environment)
        if value is not None:
            found[reference] = value
    return found


def files_elsewhere(settings: Settings) -> set[str]:
    """
    The files among them, by their names.
    """
    references = (reference.partition(":") for _, reference in _named(settings))
    return {name for kind, _, name in references if kind == "file"}


def check_elsewhere(
    settings: Settings, folder: Path, environment: Mapping[str, str], *, is_to_serve: bool = True
) -> Iterator[Finding]:
    """
    What is said of those that can't be had. Values are never repeated. Who doesn't serve may lack variables: those of
    production are rarely in a shell.
    """
    for key, reference in _named(settings):
        _, trouble = _look(reference, folder, environment)
        if trouble and not is_to_serve and reference.startswith("env:") and reference[4:] not in environment:
            without = (
                "until then tokens are believed unverified here" if key[0] == "claims" else "it is not looked at here"
            )
            yield Finding(key=key, said=f"{reference}: {trouble}; {without}", warning=True)
        elif trouble:
            yield Finding(key=key, said=f"{reference}: {trouble}")


def _named(settings: Settings) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for place, route in enumerate(settings.routes):
        for side, rewrite in (("old", route.old), ("new", route.new)):
            for reference in rewrite.elsewhere():
                yield ("routes", place, side, "set"), reference
        for reference in route.shadow.elsewhere():
            yield ("routes", place, "shadow", "set"), reference
    if settings.claims.key is not None:
        yield ("claims", "key"), settings.claims.key


def _look(reference: str, folder: Path, environment: Mapping[str, str]) -> tuple[str | None, str]:
    """
    The value and "", or None and why not.
    """
    try:
        value = look_up(reference, folder, environment)
    except Unreadable as error:
        return None, str(error)
    if VALUE.fullmatch(value) is None and not value.startswith(PEM):
        return None, "is empty, or has characters that can't stand in a header field"
    return value, ""
