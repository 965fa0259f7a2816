"""
Settings as the setup that control gets: what it needs to know of the configuration, and to read it again.
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from proxy.errors import ConfigurationError
from proxy.link.setup import Certificate, OptionPath, Setup, Token
from proxy.settings.kinds import show_number
from proxy.settings.load import Loaded
from proxy.settings.model import Settings

VARIABLE = "PARALLAX_ADMIN_TOKEN"
# 20 random characters of an alphabet of 64 are 120 bits; `parallax token new` makes 43.
SHORTEST = 20


def build_setup(
    loaded: Loaded, *, file: Path | None, options: Mapping[OptionPath, Any], environment: Mapping[str, str]
) -> Setup:
    """
    The setup of `loaded`, which was read from the other three. Raises `ConfigurationError` for a token in the
    environment that could be guessed.
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
        new=float(settings.weights.new),
        mirror=float(settings.mirror.percent),
        fixed=(),
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
        ("workers", str(settings.workers)),
        ("drain.delay", show_number(settings.drain.delay)),
        ("drain.timeout", show_number(settings.drain.timeout)),
        ("store", setup.store),
        ("kill_file", setup.kill_file),
    )


def _from_environment(environment: Mapping[str, str]) -> tuple[Token, ...]:
    token = environment.get(VARIABLE, "").strip()
    if not token:
        return ()
    if len(token) < SHORTEST:
        raise ConfigurationError(
            f"{VARIABLE}: is shorter than {SHORTEST} characters, so it can be guessed; write one that "
            "`parallax token new` prints"
        )
    return (Token(name="env", role="operator", sha256=sha256(token.encode()).hexdigest()),)


def _certificate(settings: Settings, folder: Path) -> Certificate | None:
    tls = settings.admin.tls
    if tls.certificate is None or tls.key is None:
        return None
    return Certificate(certificate=str(folder / tls.certificate), key=str(folder / tls.key))
