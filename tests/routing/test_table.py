"""
A table survives the journey to a worker, and says how long forever is.
"""

from dataclasses import FrozenInstanceError, fields, replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.routing.table import RESERVED, Table, Timeouts, decode, encode, fitted
from tests.parts.values import a_table


@given(
    weight=st.floats(0, 100),
    epoch=st.integers(1, 2**53),
    headers=st.lists(st.text("abc-*", min_size=1)).map(tuple),
    methods=st.lists(st.text("ABC", min_size=1)).map(tuple),
    endpoints=st.lists(st.text(max_size=20)).map(tuple),
)
def test_a_table_comes_out_as_it_went_in(
    weight: float, epoch: int, headers: tuple[str, ...], methods: tuple[str, ...], endpoints: tuple[str, ...]
) -> None:
    """
    With the types it had: tuples stay tuples, and the weight is not rounded.
    """
    made = a_table()
    table = replace(
        made,
        weight=weight,
        epoch=epoch,
        headers=headers,
        endpoints=endpoints,
        limits=replace(made.limits, methods=methods),
    )

    assert decode(encode(table)) == table


def test_two_sides_keep_their_order() -> None:
    """
    Old is first, with everything that an address can have.
    """
    table = a_table(
        old={"url": "https://[::1]:9001/api", "host": "a.example", "tls": {"verify": False, "server_name": "b"}},
        new={"url": "http://new.example"},
    )

    again = decode(encode(table))

    assert again.sides == table.sides
    assert [side.url for side in again.sides] == ["https://[::1]:9001/api", "http://new.example:80"]


def test_a_table_cannot_be_changed() -> None:
    """
    It is swapped whole.
    """
    with pytest.raises(FrozenInstanceError):
        a_table().weight = 50.0  # type: ignore[misc]


def test_nought_means_off_and_off_means_forever() -> None:
    """
    But no rate asked for is still no rate, and a grace of nothing is none.
    """
    nothing = Timeouts(**{field.name: 0 for field in fields(Timeouts)})

    patient = nothing.patient()

    zero = {"body_rate", "write_rate", "rate_grace"}
    assert {field.name for field in fields(Timeouts) if getattr(patient, field.name) == 0} == zero
    assert all(getattr(patient, field.name) == inf for field in fields(Timeouts) if field.name not in zero)


def test_patience_changes_nothing_else() -> None:
    """
    What is set stays set.
    """
    timeouts = a_table().timeouts

    assert timeouts.patient() == timeouts


def test_garbage_is_no_table() -> None:
    """
    A worker of another version must not guess.
    """
    raw = encode(a_table())

    for spoilt in (b"{}", raw[:-1], raw.replace(b'"weight"', b'"wait"')):
        with pytest.raises((KeyError, TypeError, ValueError)):
            decode(spoilt)


def test_every_field_of_a_table_travels() -> None:
    """
    Nothing is left to a default on the other side.
    """
    raw = encode(a_table())

    assert all(f'"{field.name}":'.encode() in raw for field in fields(Table))


def test_a_table_is_fitted_to_the_descriptors_there_are() -> None:
    """
    With few, clients are turned away while a live and a shadow leg are left for each that isn't; with many, nothing
    changes.
    """
    table = a_table()
    small = fitted(table, RESERVED + 30)

    assert (small.limits.connections, small.mirror.concurrency) == (10, 5)
    assert fitted(table, 1).limits.connections == 1
    assert fitted(table, 1_000_000) == table
