"""
A configuration that can't be used still says where its state lies.
"""

from pathlib import Path

import pytest

from proxy.settings.sketch import sketch

FOLDER = Path("/etc/parallax")


@pytest.mark.parametrize(
    ("text", "state", "kill_file"),
    [
        ("", "/etc/parallax/var", "/etc/parallax/var/kill"),
        ("bogus: [\nstore: 'sqlite:///data/p.db'  # here\n\t{{", "/etc/parallax/data", "/etc/parallax/data/kill"),
        ("store: sqlite:////srv/p.db\nkill_file: stop", "/srv", "/etc/parallax/stop"),
        ("kill_file: /run/stop\n  store: sqlite:///no.db", "/etc/parallax/var", "/run/stop"),
        ("kill_file: null", "/etc/parallax/var", "/etc/parallax/var/kill"),
    ],
)
def test_what_is_at_the_left_edge_counts(text: str, state: str, kill_file: str) -> None:
    """
    Whatever else is wrong with the file.
    """
    sketched = sketch(text, FOLDER, {})

    assert (sketched.state, sketched.kill_file) == (Path(state), Path(kill_file))


def test_variables_are_stronger() -> None:
    """
    As they are for a configuration that can be used.
    """
    said = {"PARALLAX_STORE": "sqlite:////srv/q.db", "PARALLAX_KILL_FILE": "/run/stop"}

    sketched = sketch("store: sqlite:///p.db", FOLDER, said)

    assert (sketched.state, sketched.kill_file) == (Path("/srv"), Path("/run/stop"))
    assert (sketched.admin, sketched.health) == ("127.0.0.1:9900", "127.0.0.1:9901")
