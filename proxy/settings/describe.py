"""
What will happen to traffic, in sentences: for those who start Parallax without a file.
"""

from pathlib import Path

from proxy.routing.intent import Intent
from proxy.settings.model import Settings


def describe(settings: Settings, state: Path, kept: Intent | None) -> list[str]:
    """
    Who answers whom, what is copied, where to ask, and where changes are kept: `state`, where `kept` was found.
    """
    share = settings.weights.new if kept is None else kept.new
    percent = settings.mirror.percent if kept is None else kept.mirror
    left = "" if kept is None else ", as it was left there"
    return [
        *_traffic(settings, share, percent),
        f"Metrics and status: http://{settings.admin.listen}; probes: http://{settings.health.listen}.",
        f"Weights, kills and the audit are kept in {state}{left}.",
    ]


def _traffic(settings: Settings, share: float, percent: float) -> list[str]:
    old, new = settings.old.url, settings.new.url
    here = f"{'http' if settings.tls.certificate is None else 'https'}://{settings.listen}"
    shadow = "the side that doesn't answer"
    if share in (0, 100):
        live, shadow = (f"old, {old}", f"new, {new}") if share == 0 else (f"new, {new}", f"old, {old}")
        who = f"Clients of {here} are answered by {live}; nobody is on {shadow}."
    else:
        who = f"At {here}, {share:g} % of requests are answered by new, {new}, the rest by old, {old}."
    part = "All" if percent == 100 else f"{percent:g} % of the"
    return [
        who,
        f"{part} GET, HEAD and OPTIONS requests are copied to {shadow}; answers to copies reach no client."
        if percent
        else "Nothing is copied (mirror.percent is 0).",
    ]
