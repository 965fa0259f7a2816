"""
The plan as a bar chart: for Mermaid, which shows it on code hosts, and as SVG for the page.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape

from proxy.plan.render.book import Book, StageView
from proxy.plan.render.words import MONTHS, duration, local
from proxy.plan.times import Days

# Mermaid's gantt ends a name at a colon, and a line at a semicolon or a hash.
NOT_IN_MERMAID = re.compile(r"[^\w .,()%/+-]")
LEFT, WIDTH, ROW, TOP = 190, 760, 30, 44
TICKS = 8
# How wide a character of a note is, about.
CHARACTER = 6.5
# Seconds; a plan that takes less has hours and minutes along its axis.
SHORT = 3 * 86_400
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
DAYS = (1, 2, 3, 5, 7, 14, 28, 56, 91, 182, 364)


def mermaid(book: Book) -> list[str]:
    """
    The lines of a Mermaid Gantt: what is expected, and beside it the time that a stage may take at most.
    """
    spans = _total(book) >= 2 * 86_400
    axis = "%d %b" if book.is_dated else "day %j" if spans else "%H:%M:%S"
    lines = ["gantt", f"    title {_mermaid(book.title)}", "    dateFormat X", f"    axisFormat {axis}"]
    for view in book.stages:
        lines.append(f"    section {view.number} {_mermaid(view.name)}")
        tag = {"passed": "done, ", "present": "active, "}.get(view.state, "crit, " if view.is_live else "")
        lines.append(f"    {_mermaid(view.title)} :{tag}{_span(book, *_expected(view))}")
        latest = view.present.left.latest
        if latest > view.present.left.expected:
            lines.append(f"    at the latest :{_span(book, view.present.left.expected, latest)}")
    return lines


def _span(book: Book, begin: float, end: float) -> str:
    # Mermaid draws on the reader's clock; that of the plan is a clock of its own, so its wall time is given as if UTC.
    shift = local(begin, book.zone).utcoffset() if book.is_dated else None
    seconds = 0 if shift is None else int(shift.total_seconds())
    return f"{int(begin) + seconds}, {max(int(end), int(begin) + 1) + seconds}"


def _mermaid(text: str) -> str:
    return NOT_IN_MERMAID.sub(" ", text).strip() or "stage"


def _expected(view: StageView) -> tuple[float, float]:
    return view.present.entered.expected, view.present.left.expected


def _total(book: Book) -> float:
    return book.stages[-1].present.left.latest - book.stages[0].present.entered.earliest


@dataclass(frozen=True, slots=True)
class Scale:
    """
    Seconds to places along the chart.
    """

    first: float
    last: float

    def x(self, at: float) -> float:
        """
        Where a point in time is.
        """
        return round(LEFT + WIDTH * (at - self.first) / max(self.last - self.first, 1e-9), 1)


def svg(book: Book) -> str:
    """
    The chart as an SVG element, coloured by the page's style sheet.
    """
    stages = book.stages
    # What is expected has to be seen: the latest dates, often months away, are cut off at three times that.
    first, expected = _begin(book), stages[-1].present.left.expected
    latest = stages[-1].present.left.latest
    scale = Scale(first, min(latest, first + 2.2 * max(expected - first, 1.0)))
    height = TOP + ROW * len(stages) + 8
    parts = [f'<svg class="gantt" viewBox="0 0 {LEFT + WIDTH + 20} {height}" role="img" aria-label="Gantt chart">']
    parts += [_freeze(begin, end, scale, height) for begin, end in freezes(book, scale)]
    parts += [_tick(at, text, scale, height) for at, text in ticks(book, scale)]
    for place, view in enumerate(stages):
        parts += _bar(view, scale, TOP + ROW * place)
    return "".join(parts) + "</svg>"


def _begin(book: Book) -> float:
    # Where the axis has days, it begins with one.
    first = book.stages[0].present.entered.earliest
    if not book.is_dated or book.stages[-1].present.left.expected - first < SHORT:
        return first
    return local(first, book.zone).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def freezes(book: Book, scale: Scale) -> list[tuple[float, float]]:
    """
    When nothing advances, as far as it is on the chart.
    """
    if not book.is_dated:
        return []
    spans = [(_midnight(book, days.first), _midnight(book, days.last + timedelta(days=1))) for days in _frozen(book)]
    return [
        (max(begin, scale.first), min(end, scale.last))
        for begin, end in spans
        if end > scale.first < scale.last > begin
    ]


def _frozen(book: Book) -> list[Days]:
    return [freeze.dates for freeze in book.plan.freezes]


def _midnight(book: Book, day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=book.zone).timestamp()


def _freeze(begin: float, end: float, scale: Scale, height: int) -> str:
    left = scale.x(begin)
    width = round(scale.x(end) - left, 1)
    return f'<rect class="freeze" x="{left}" y="{TOP - 10}" width="{width}" height="{height - TOP + 4}"/>'


def _bar(view: StageView, scale: Scale, y: int) -> list[str]:
    # How long it may take at most is a line below the note, which stands there too.
    begin, end = _expected(view)
    left, right = scale.x(begin), scale.x(end)
    further = max(round(min(scale.x(view.present.left.latest), LEFT + WIDTH) - right, 1), 0)
    kind = view.state or ("live" if view.is_live else "shadow")
    name = view.name if len(view.name) <= 24 else f"{view.name[:23]}…"
    words = escape(f"{view.title}: {duration(end - begin)} expected")
    return [
        f'<text class="name" x="{LEFT - 12}" y="{y + 19}">{escape(name)}</text>',
        f'<rect class="latest" x="{right}" y="{y + 22}" width="{further}" height="3" rx="1.5"/>',
        f'<rect class="bar {kind}" x="{left}" y="{y + 5}" width="{max(round(right - left, 1), 3)}" height="20" rx="4">',
        f"<title>{words}</title></rect>",
        _note(weights(view), left, right, y + 19),
    ]


def _note(words: str, left: float, right: float, y: int) -> str:
    """
    Beside a bar: behind it, or before it where there is no room.
    """
    if right + 8 + CHARACTER * len(words) <= LEFT + WIDTH + 16:
        return f'<text class="note" x="{right + 8}" y="{y}">{escape(words)}</text>'
    return f'<text class="note before" x="{left - 8}" y="{y}">{escape(words)}</text>'


def weights(view: StageView) -> str:
    """
    What a stage gives new, as short as possible.
    """
    exposure = view.exposure
    shares = [f"{exposure.weight:g} %"] if exposure.weight else []
    shares += [f"{name} {share:g} %" for name, share in {**exposure.routes, **exposure.cohorts}.items() if share]
    return ", ".join(shares) or f"copies {exposure.mirror:g} %"


def _tick(at: float, text: str, scale: Scale, height: int) -> str:
    x = scale.x(at)
    return (
        f'<line class="tick" x1="{x}" y1="{TOP - 10}" x2="{x}" y2="{height - 6}"/>'
        f'<text class="date" x="{x}" y="{TOP - 18}">{text}</text>'
    )


def ticks(book: Book, scale: Scale) -> list[tuple[float, str]]:
    """
    Where the axis has a line, and what it says: whole days on the plan's clock, or whole seconds after the start.
    """
    total = scale.last - scale.first
    if book.is_dated and total >= SHORT:
        step = next((days for days in DAYS if total / 86_400 / days <= TICKS), DAYS[-1])
        day = local(scale.first, book.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        found = []
        while (at := day.timestamp()) <= scale.last:
            if at >= scale.first:
                found.append((at, f"{day.day} {MONTHS[day.month - 1]}"))
            day += timedelta(days=step)
        return found
    every = next((step for step in STEPS if total / step <= TICKS), None)
    every = every or next((days for days in DAYS if total / 86_400 / days <= TICKS), DAYS[-1]) * 86_400
    amount = int(total // every)
    return [(scale.first + every * place, duration(every * place)) for place in range(amount + 1)]
