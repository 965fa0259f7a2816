"""
`parallax restore`: patient with a supervisor that has not missed the kill file yet, and with nothing else.
"""

from pathlib import Path

import pytest

from proxy.errors import RemoteError
from proxy.remote.find import Target, Wanted, find
from proxy.remote.restore import restore
from tests.parts.admin import WEIGHTS, admin
from tests.parts.registered import registered

HELD = (409, {"error": "the kill file is there"})


def test_what_was_taken_away_just_now_is_waited_for(tmp_path: Path) -> None:
    """
    `rm …; parallax restore` on one line works.
    """
    answers = {"POST /admin/restore": [HELD, HELD, (200, WEIGHTS)]}
    with admin(answers) as port:
        with registered(tmp_path / "registry", tmp_path / "state", port.url.removeprefix("http://")):
            target = find(Wanted(), {}, (tmp_path / "registry",))

        assert restore(target, "why", 5.0) == WEIGHTS
        assert len(port.asked) == 3


def test_a_file_that_is_there_is_not_waited_for(tmp_path: Path) -> None:
    """
    Somebody has to take it away.
    """
    with admin({"POST /admin/restore": HELD}) as port:
        with registered(tmp_path / "registry", tmp_path / "state", port.url.removeprefix("http://")):
            (tmp_path / "state" / "kill").touch()
            target = find(Wanted(), {}, (tmp_path / "registry",))
        with pytest.raises(RemoteError, match=r"refuses \(409\): the kill file is there"):
            restore(target, "why", 5.0)

        assert port.calls() == ["POST /admin/restore"]


@pytest.mark.parametrize("answer", [HELD, (507, {"error": "full"})])
def test_any_other_refusal_is_told_at_once(answer: tuple[int, object]) -> None:
    """
    Elsewhere nobody knows of the file; and a full disk is no matter of waiting.
    """
    with admin({"POST /admin/restore": answer}) as port:
        with pytest.raises(RemoteError, match="refuses"):
            restore(Target(url=port.url), "why", 5.0)

        assert len(port.asked) == 1
