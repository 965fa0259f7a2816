"""
Serving without a file: what is said of it.
"""

from pathlib import Path
from typing import Any

from proxy.routing.intent import Intent
from proxy.settings.describe import describe
from proxy.settings.model import Settings


def sentences(kept: Intent | None = None, **values: Any) -> str:
    sides = {"old": {"url": "http://old"}, "new": {"url": "http://new"}}
    return "\n".join(describe(Settings.model_validate({**sides, **values}), Path("/here/var"), kept))


def test_what_is_copied_where_who_is_on_new_and_where_that_is_kept() -> None:
    """
    Whoever typed one line should know what it does to traffic, and to the disk.
    """
    assert sentences() == (
        "Clients of http://127.0.0.1:8080 are answered by old, http://old; nobody is on new, http://new.\n"
        "All GET, HEAD and OPTIONS requests are copied to new, http://new; answers to copies reach no client.\n"
        "Metrics and status: http://127.0.0.1:9900; probes: http://127.0.0.1:9901.\n"
        "Weights, kills and the audit are kept in /here/var."
    )


def test_other_weights_are_said_too() -> None:
    """
    Some, all, and nothing copied.
    """
    assert "12.5 % of requests are answered by new, http://new, the rest by old, http://old." in sentences(
        weights={"new": 12.5}
    )
    assert "copied to the side that doesn't answer" in sentences(weights={"new": 12.5})
    assert "Clients of https://127.0.0.1:8080 are" in sentences(tls={"certificate": "a", "key": "b"})
    assert "answered by new, http://new; nobody is on old, http://old." in sentences(weights={"new": 100})
    assert "10 % of the GET, HEAD and OPTIONS requests are copied to new" in sentences(mirror={"percent": 10})
    assert "Nothing is copied (mirror.percent is 0)." in sentences(mirror={"percent": 0})


def test_what_was_left_there_counts() -> None:
    """
    A second start goes on where the first one ended.
    """
    said = sentences(Intent(epoch=7, new=25.0, mirror=0.0))

    assert "25 % of requests are answered by new" in said
    assert "Nothing is copied" in said
    assert said.endswith("are kept in /here/var, as it was left there.")
