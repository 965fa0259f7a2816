"""
Rows under headings, of which nothing is cut or broken: what a reader copies, or looks for in a pipe, is in one piece.

A row is one line where all rows fit. Where they don't, the columns from `short` on, which hold paths and names of any
length, follow on a line of their own, or on one each. A terminal may break those; it copies them whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

GAP: Final = "  "
BELOW: Final = "    "


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """
    Cells as they are, one for each heading. Columns whose heading is in `right` end at the same place.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Text]]
    short: int
    right: frozenset[str] = frozenset()

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        head = [Text(heading, style="bold") for heading in self.headings]
        table = [head, *self.rows]
        widths = [max(cell.cell_len for cell in column) for column in zip(*table, strict=True)]
        if sum(widths) + len(GAP) * (len(widths) - 1) <= options.max_width:
            yield from (self._line(row, widths) for row in table)
            return
        for row in table:
            yield self._line(row[: self.short], widths)
            rest = [cell for cell in row[self.short :] if cell]
            below = _whole((Text(BELOW), _whole(rest, GAP)), "")
            if below.cell_len <= options.max_width:
                yield below
            else:
                yield from (_whole((Text(BELOW), cell), "") for cell in rest)

    def _line(self, cells: Sequence[Text], widths: Sequence[int]) -> Text:
        aligned = []
        for heading, cell, width in zip(self.headings, cells, widths, strict=False):
            cell = cell.copy()
            cell.align("right" if heading in self.right else "left", width)
            aligned.append(cell)
        return _whole(aligned, GAP)


def _whole(cells: Iterable[Text], gap: str) -> Text:
    line = Text(gap).join(cells)
    line.rstrip()
    line.no_wrap, line.overflow = True, "ignore"
    return line
