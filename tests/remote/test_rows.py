"""
Rows that nothing is cut out of.
"""

import pytest
from rich.console import Console
from rich.text import Text

from proxy.remote.rows import Rows

ENDPOINT, PATH = "GET /api/customers/{id}/orders/{id}", "value $.orders[*].lines[*].price"
ROWS = Rows(
    headings=("signature", "count", "endpoint", "where"),
    rows=[
        [Text("4c0316b7c64196f3"), Text("7"), Text(ENDPOINT), Text(PATH)],
        [Text("8faf171c2467bbf3"), Text("1200"), Text("GET /"), Text("")],
    ],
    short=2,
    right=frozenset({"count"}),
)


def lines(width: int) -> list[str]:
    """
    What somebody with such a terminal gets.
    """
    console = Console(width=width, highlight=False, color_system=None)
    with console.capture() as capture:
        console.print(ROWS, soft_wrap=True)
    return capture.get().splitlines()


def test_where_it_fits_a_row_is_a_line() -> None:
    """
    Under its headings, without blanks at the end.
    """
    assert lines(200) == [
        f"signature         count  {'endpoint'.ljust(len(ENDPOINT))}  where",
        f"4c0316b7c64196f3      7  {ENDPOINT}  {PATH}",
        "8faf171c2467bbf3   1200  GET /",
    ]


def test_where_it_does_not_what_is_long_follows_below() -> None:
    """
    In one line if there is room for that.
    """
    assert lines(80) == [
        "signature         count",
        "    endpoint  where",
        "4c0316b7c64196f3      7",
        f"    {ENDPOINT}  {PATH}",
        "8faf171c2467bbf3   1200",
        "    GET /",
    ]


@pytest.mark.parametrize("width", [20, 40])
def test_nothing_is_ever_cut(width: int) -> None:
    """
    However narrow: a terminal breaks a line that is too long, and copies it in one piece.
    """
    assert lines(width) == [
        "signature         count",
        "    endpoint  where",
        "4c0316b7c64196f3      7",
        f"    {ENDPOINT}",
        f"    {PATH}",
        "8faf171c2467bbf3   1200",
        "    GET /",
    ]
