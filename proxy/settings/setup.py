"""
Settings as the setup that control gets: what it needs to know of the configuration, and to read it again.
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from proxy.evidence.batch import Caps
from proxy.link.setup import Certificate, OptionPath, Setup, Token
from proxy.settings.doors import OF_THE_VARIABLE, token_of
from proxy.settings.kinds import show_number, show_size
from proxy.settings.load import Loaded
from proxy.settings.model import Settings


def build_setup(
    loaded: Loaded, *, file: Path | None, options: Mapping[OptionPath, Any], environment: Mapping[str, str]
) -> Setup:
    """
    The setup of `loaded`, which was read from the other three.
    """
    settings, folder = loaded.settings, loaded.folder
    store = folder / settings.store.removeprefix("sqlite:///")
    kill_file = store.parent / "kill" if settings.kill_file is None else folder / settings.kill_file
    setup = Setup(
        file=None if file is None else str(folder / file.name),
        content=loaded.content,
        folder=str(folder),
        options=tuple(options.items()),
        store=f"sqlite:///{store}",
        state=str(store.parent),
        kill_file=str(kill_file),
        tokens=(*settings.admin.tokens, *_from_environment(environment)),
        tls=_certificate(settings, folder),
        hosts=settings.admin.hosts,
        bound=str(settings.admin.listen),
        new=settings.weights.new if "new" in settings.weights.model_fields_set else None,
        mirror=settings.mirror.percent if "percent" in settings.mirror.model_fields_set else None,
        fixed=(),
        caps=Caps(**settings.evidence.model_dump()),
        flags=settings.flags.provider,
        files=tuple(sorted((str(folder / name), content) for name, content in loaded.authorities.items())),
    )
    return replace(setup, fixed=_fixed(settings, setup))


def _fixed(settings: Settings, setup: Setup) -> tuple[tuple[str, str], ...]:
    """
    What the supervisor took at its start: sockets, processes, deadlines and files.
    """
    return (
        ("listen", str(settings.listen)),
        ("health.listen", str(settings.health.listen)),
        ("admin.listen", str(settings.admin.listen)),
        ("admin.tls", "null" if setup.tls is None else "a certificate and a key"),
        ("tls", "null" if settings.tls.certificate is None else "a certificate and a key"),
        ("proxy_protocol", "true" if settings.proxy_protocol else "false"),
        ("workers", str(settings.workers)),
        ("comparers", str(settings.comparers)),
        ("judge.memory", show_size(settings.judge.memory)),
        ("drain.delay", show_number(settings.drain.delay)),
        ("drain.timeout", show_number(settings.drain.timeout)),
        ("flags.provider", settings.flags.provider or "null"),
        ("store", setup.store),
        ("kill_file", setup.kill_file),
    )


def _from_environment(environment: Mapping[str, str]) -> tuple[Token, ...]:
    token = token_of(environment)
    if not token:
        return ()
    return (Token(name=OF_THE_VARIABLE, role="operator", sha256=sha256(token.encode()).hexdigest()),)


def _certificate(settings: Settings, folder: Path) -> Certificate | None:
    tls = settings.admin.tls
    if tls.certificate is None or tls.key is None:
        return None
    return Certificate(certificate=str(folder / tls.certificate), key=str(folder / tls.key))
