"""
What a plan sees of the running Parallax, from memory.
"""

from dataclasses import replace

from proxy.admin.facts import Facts
from proxy.routing.table import Table, encode
from proxy.sight import Sight
from tests.parts.values import a_table


def identity(table: Table) -> str:
    """
    What evidence under this table is of.
    """
    facts = Facts({})
    facts.take_table(encode(table))
    return Sight(facts, lambda: ()).identity()


def test_another_new_is_another_identity_and_another_share_is_not() -> None:
    """
    A new that was proved at one address says nothing of whatever answers at another.
    """
    table = a_table()
    old, new = table.sides

    assert identity(replace(table, weight=50.0)) == identity(table)
    assert identity(replace(table, sides=(old, replace(new, port=new.port + 1)))) != identity(table)
    assert identity(replace(table, sides=(old, replace(new, addresses=("10.0.0.9:80",))))) != identity(table)
