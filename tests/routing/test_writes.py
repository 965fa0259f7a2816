"""
Keys of writes: the same for the same request, another one for any other (how they are used: `tests/test_waiting.py`).
"""

from hypothesis import given
from hypothesis import strategies as st

from proxy.routing.route import Idempotency
from proxy.routing.writes import Keys
from tests.parts.values import a_request

PARTS = ("method", "path", "body", "header:X-User", "header:x-order")
VALUES = st.text("ab", min_size=1, max_size=3)
REQUESTS = st.tuples(st.sampled_from(["POST", "PUT"]), VALUES, VALUES, VALUES, VALUES)


def derived(parts: tuple[str, ...], values: tuple[str, ...], cut: int = 0) -> bytes:
    """
    The key of a request with these values for `PARTS`.
    """
    method, path, body, user, order = values
    head = a_request(f"{method} /{path} HTTP/1.1\r\nHost: a\r\nX-User: {user}\r\nX-Order: {order}\r\n\r\n".encode())
    content = body.encode()
    return Keys(Idempotency(derive=parts)).derive(head, [content[:cut], content[cut:]])


@given(st.lists(st.sampled_from(PARTS), min_size=1, unique=True), REQUESTS, REQUESTS, st.integers(0, 3))
def test_keys_are_equal_where_the_declared_parts_are(
    chosen: list[str], one: tuple[str, ...], other: tuple[str, ...], cut: int
) -> None:
    """
    Wherever the content was cut; what isn't declared doesn't matter, and no part runs into the next.
    """
    parts = tuple(chosen)
    places = [PARTS.index(part) for part in parts]
    same = [one[place] for place in places] == [other[place] for place in places]

    assert (derived(parts, one) == derived(parts, other, cut)) is same


def test_other_parts_make_other_keys() -> None:
    """
    Also where their values are the same.
    """
    values = ("POST", "a", "a", "a", "a")

    assert len({derived((part,), values) for part in PARTS}) == len(PARTS)


def test_the_client_has_named_it_itself() -> None:
    """
    Several fields are one name; an empty one is none.
    """
    keys = Keys(Idempotency(header="Idempotency-Key"))

    def own(*fields: str) -> bytes:
        return keys.own(
            a_request("".join(f"{line}\r\n" for line in ("POST / HTTP/1.1", "Host: a", *fields, "")).encode())
        )

    assert own("idempotency-key:  a ") == b"a"
    assert own("Idempotency-Key: a", "Idempotency-Key: b") == b"a, b"
    assert own("Idempotency-Key:") == own() == b""
