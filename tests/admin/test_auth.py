"""
Who has no token of ours is nobody, and a viewer changes nothing.
"""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.admin.auth import bearer_token, holder, may
from proxy.link.setup import Token


def known(name: str, token: str, role: str = "operator") -> Token:
    """
    Somebody who holds `token`.
    """
    return Token(name=name, role=role, sha256=hashlib.sha256(token.encode()).hexdigest())


OPS = known("ops", "plx_one")
EYES = known("eyes", "plx_two", "viewer")


@pytest.mark.parametrize(
    ("field", "token"),
    [
        ("Bearer plx_one", "plx_one"),
        ("bearer   plx_one", "plx_one"),
        ("BEARER a.b~c+d/e-f==", "a.b~c+d/e-f=="),
        ("Bearer p!ain$word", "p!ain$word"),
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearerplx_one", None),
        ("Bearer plx_one plx_two", None),
        ("Bearer plx_one, Bearer plx_two", None),
        ("Bearer plx_one\n", None),
        ("Bearer\tplx_one", None),
        ("Bearer pl\udce4x", None),
        ("Basic cGx4X29uZQ==", None),
        ("Bearer " + "x" * 513, None),
    ],
)
def test_a_bearer_field_holds_one_token_or_none(field: str | None, token: str | None) -> None:
    """
    Whatever else stands there signs nobody in.
    """
    assert bearer_token(field) == token


def test_a_token_is_its_holders() -> None:
    """
    Wherever in the list.
    """
    assert holder("plx_one", [OPS, EYES]) == OPS
    assert holder("plx_two", [OPS, EYES]) == EYES


@given(st.text())
def test_anything_else_is_nobodys(token: str) -> None:
    """
    Neither the hash itself, nor half a character, nor nothing.
    """
    assert holder(token, [OPS, EYES]) is None
    assert holder(OPS.sha256, [OPS, EYES]) is None
    assert holder("plx_one\udce4", [OPS, EYES]) is None
    assert holder("plx_one", []) is None


def test_all_are_compared_whoever_it_is() -> None:
    """
    No end before the end: how long it takes doesn't tell where in the list somebody stands.
    """
    asked = []

    class Watched(list[Token]):
        """
        A list that tells what was read of it.
        """

        def __iter__(self):  # type: ignore[no-untyped-def]
            for one in super().__iter__():
                asked.append(one.name)
                yield one

    assert holder("plx_one", Watched([OPS, EYES])) == OPS
    assert asked == ["ops", "eyes"]


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO", "get", ""])
def test_only_an_operator_changes(method: str) -> None:
    """
    What isn't known to be a read is a change.
    """
    assert may("operator", method)
    assert not may("viewer", method)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_both_roles_read_and_no_other_does(method: str) -> None:
    """
    A role that nobody knows may nothing.
    """
    assert may("operator", method)
    assert may("viewer", method)
    assert not may("Operator", method)
    assert not may("", method)
