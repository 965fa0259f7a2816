"""
From a file, environment variables and command-line options to `Settings`, or to sentences saying what is wrong.

Strongest first: options, variables, the file, defaults. Every problem found is told, not only the first one, each with
its place ("parallax.yaml:7", "PARALLAX_OLD__URL" or "--old"), its key and the remedy.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from proxy.errors import ConfigurationError
from proxy.settings.checks import check
from proxy.settings.doors import check_variable
from proxy.settings.elsewhere import check_elsewhere, files_elsewhere, read_elsewhere
from proxy.settings.endpoints import check_endpoints
from proxy.settings.keys import PREFIX, Key
from proxy.settings.membership import check_cohorts
from proxy.settings.model import Settings
from proxy.settings.openapi import NotUsable, read_openapi
from proxy.settings.sentences import KEYS, OPTIONS, Finding, Teller, remedy
from proxy.settings.source import Source, Where, read_yaml

# Bytes; far beyond any configuration. A device that never ends must not fill the memory.
LARGEST = 4 * 1024 * 1024

# Variables of the command line's own, and what Kubernetes sets in every pod beside a service called "parallax".
NOT_KEYS = re.compile(r"PARALLAX_(ADMIN_URL|ADMIN_TOKEN|ADMIN_CA|RUNTIME_DIR|SERVICE_(HOST|PORT).*|PORT(_\d+_.*)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """
    Settings that can be used, the folder that relative files are looked for in, and what the operator should know.
    `content` is the SHA-256 of the file's bytes, "" without a file; `authorities` has that of each file with CAs,
    certificates, keys, values or endpoints that it names; `values` and `endpoints` are those that it names and doesn't
    hold; `texts` what the files of `tls` hold, by their names.
    """

    settings: Settings
    folder: Path
    content: str
    authorities: dict[str, str]
    endpoints: tuple[str, ...]
    values: dict[str, str] = field(repr=False)
    texts: dict[str, str] = field(repr=False)
    warnings: tuple[str, ...]


def load(
    file: Path | None,
    *,
    environment: Mapping[str, str],
    options: Mapping[tuple[str, ...], object] | None = None,
    data: bytes | None = None,
    is_to_serve: bool = True,
) -> Loaded:
    """
    Read, override, validate and check. Raises `ConfigurationError` with every problem found.

    `options` holds what the command line said, by key path; every path is one of `sentences.OPTIONS`. `data` is what
    the file holds, for who has read it already. Who doesn't serve by it may lack variables that hold secrets.
    """
    if file is None:
        source, data = Source(values={}, places={}), b""
    else:
        data = read_file(file) if data is None else data
        source = read_yaml(decode(data, file), str(file))
    warnings = _apply_environment(source, environment)
    for path, value in (options or {}).items():
        _set(source, path, value, OPTIONS[path])
    _fill_empty_sections(source.values)
    teller = Teller(source, "the command line" if file is None else str(file))
    try:
        settings = Settings.model_validate(source.values)
    except ValidationError as error:
        raise ConfigurationError(*teller.tell_all(error.errors())) from None
    folder = Path.cwd() if file is None else file.absolute().parent
    endpoints, trouble = _described(settings, folder)
    values = read_elsewhere(settings, folder, environment)
    findings = [*check(settings, folder, environment), *trouble]
    findings += check_elsewhere(settings, folder, environment, is_to_serve=is_to_serve)
    findings += check_cohorts(settings, folder, values)
    findings += check_endpoints(settings, endpoints)
    wrong = [*check_variable(environment), *(teller.tell(finding) for finding in findings if not finding.warning)]
    if wrong:
        raise ConfigurationError(*wrong)
    warnings += [teller.tell(finding) for finding in findings]
    content = "" if file is None else sha256(data).hexdigest()
    return Loaded(
        settings=settings,
        folder=folder,
        content=content,
        authorities=_read_authorities(settings, folder),
        endpoints=endpoints,
        values=values,
        texts=_read_texts(settings, folder),
        warnings=tuple(warnings),
    )


def _described(settings: Settings, folder: Path) -> tuple[tuple[str, ...], list[Finding]]:
    """
    The endpoints of the OpenAPI file that is named, if any, or what is wrong with it.
    """
    file = settings.metrics.openapi
    if file is None:
        return (), []
    try:
        return read_openapi(folder / file), []
    except NotUsable as error:
        return (), [Finding(key=("metrics", "openapi"), said=str(error))]


def _read_authorities(settings: Settings, folder: Path) -> dict[str, str]:
    # What `check` has found good; gone by now, the worker says so.
    found = {}
    for name in _named(settings):
        with suppress(OSError):
            found[name] = sha256((folder / name).read_bytes()).hexdigest()
    return found


def _read_texts(settings: Settings, folder: Path) -> dict[str, str]:
    # As above. Comments in them may be in any encoding, so that every byte has to stay what it is.
    found = {}
    for name in (settings.tls.certificate, settings.tls.key, settings.tls.client_ca):
        if name is not None:
            with suppress(OSError):
                found[name] = (folder / name).read_bytes().decode("latin-1")
    return found


def _named(settings: Settings) -> set[str]:
    ours = settings.tls
    names = [ours.certificate, ours.key, ours.client_ca, settings.metrics.openapi]
    for tls in (settings.old.tls, settings.new.tls, settings.noise.twin.tls):
        names += [tls.ca, tls.certificate, tls.key]
    names += [cohort.match.keys for cohort in settings.cohorts]
    return {name for name in names if name is not None} | files_elsewhere(settings)


def read_file(file: Path) -> bytes:
    """
    What a file holds. Raises `ConfigurationError` for one that can't be read, or is too long to be meant.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ConfigurationError(f"{file}: can't be read ({reason}); name a YAML file that is there") from None
    if len(data) > LARGEST:
        raise ConfigurationError(f"{file}: is longer than {LARGEST} bytes; name a configuration")
    return data


def decode(data: bytes, file: Path) -> str:
    """
    The text that a file's bytes are. Raises `ConfigurationError` for what isn't UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{file}:{line}: is not UTF-8; save it as UTF-8") from None


def _apply_environment(source: Source, environment: Mapping[str, str]) -> list[str]:
    by_variable = {key.variable: key for key in KEYS.values() if key.section is None}
    warnings = []
    for variable in sorted(name for name in environment if name.startswith(PREFIX)):
        key = by_variable.get(variable)
        if key is not None:
            _set(source, key.path, _from_text(key, environment[variable], variable), variable)
        elif NOT_KEYS.fullmatch(variable) is None:
            near = get_close_matches(variable, by_variable, n=1, cutoff=0.8)
            hint = f"did you mean {near[0]}?" if near else "docs/configuration.md says how they are called"
            warnings.append(f"{variable}: names no key and has no effect; {hint}")
    return warnings


def _from_text(key: Key, text: str, variable: str) -> Any:
    if text == "" and key.default is None and not key.required:
        return None
    if key.kind.text:
        return text
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        raise ConfigurationError(f"{variable}: {key.name}: can't be read; write {remedy(key)}") from None


def _set(source: Source, path: Where, value: Any, place: str) -> None:
    """
    Put `value` at `path`, over what the file says there; a section that is no mapping is left for the model to refuse.
    """
    values = source.values
    for part in path[:-1]:
        below = values.get(str(part))
        if below is None:
            below = values[str(part)] = {}
        if not isinstance(below, dict):
            return
        values = below
    values[str(path[-1])] = value
    source.places[path] = place


def _fill_empty_sections(values: dict[str, Any], above: Where = ()) -> None:
    """
    A section that is left out, or null because all its keys are commented out, means the defaults.
    """
    for key in KEYS.values():
        if key.section is None or key.path[:-1] != above:
            continue
        if values.get(key.path[-1]) is None:
            values[key.path[-1]] = {}
        if isinstance(below := values[key.path[-1]], dict):
            _fill_empty_sections(below, key.path)
