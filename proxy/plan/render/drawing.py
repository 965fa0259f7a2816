"""
How the two systems run side by side, drawn: for Mermaid, and as SVG for the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from proxy.plan.render.book import Book
from proxy.plan.render.gantt import NOT_IN_MERMAID
from proxy.plan.render.words import plural

LONGEST = 30


@dataclass(frozen=True, slots=True)
class Box:
    """
    A box with up to three lines of text; the first is its name.
    """

    x: int
    y: int
    width: int
    height: int
    kind: str
    lines: tuple[str, ...]

    def draw(self) -> str:
        """
        As SVG.
        """
        middle = self.x + self.width // 2
        top = self.y + self.height // 2 - 9 * (len(self.lines) - 1) + 5
        texts = "".join(
            _text("note" if place else "name", middle, top + 18 * place, escape(_cut(line)))
            for place, line in enumerate(self.lines)
        )
        size = f'width="{self.width}" height="{self.height}" rx="8"'
        return f'<rect class="box {self.kind}" x="{self.x}" y="{self.y}" {size}/>{texts}'


def _text(kind: str, x: int, y: int, words: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{words}</text>'


def mermaid(book: Book) -> list[str]:
    """
    The lines of a Mermaid flowchart.
    """
    lines = [
        "flowchart LR",
        "    clients([clients]) -->|request| parallax[Parallax]",
        "    parallax -->|live leg| old[old]",
        "    parallax -.->|copy, nobody waits for it| new[new]",
        "    parallax --- comparers[comparers: verdicts]",
        "    comparers --> control[control: gates, guards, the plan]",
        "    control -->|weights| parallax",
    ]
    if book.plan.prometheus is not None:
        lines.append("    control -.->|asks| prometheus[Prometheus]")
    for place, shared in enumerate(book.plan.shared):
        name = NOT_IN_MERMAID.sub(" ", shared.what).strip() or "shared"
        lines += [f'    old --> shared{place}[("{name}")]', f"    new --> shared{place}"]
    return lines


def svg(book: Book) -> str:
    """
    The same as an SVG element.
    """
    shared = book.plan.shared[:5]
    height = 330 + (76 if shared else 0)
    settings = book.settings
    old = (settings.old.url.authority if settings else "", settings.new.url.authority if settings else "")
    boxes = [
        Box(20, 120, 110, 60, "client", ("clients",)),
        Box(250, 90, 200, 120, "ours", ("Parallax", *_workers(book))),
        Box(620, 50, 250, 70, "old", ("old", *filter(None, (old[0],)))),
        Box(620, 180, 250, 70, "new", ("new", *filter(None, (old[1],)))),
        Box(190, 262, 140, 50, "part", ("comparers",)),
        Box(370, 262, 140, 50, "part", ("control: the plan",)),
    ]
    width = 850 // max(len(shared), 1)
    for place, one in enumerate(shared):
        boxes.append(Box(20 + width * place, 340, width - 16, 50, "shared", (one.what,)))
    return (
        f'<svg class="drawing" viewBox="0 0 900 {height}" role="img" aria-label="Old and new side by side">{MARKER}'
        + "".join(box.draw() for box in boxes)
        + _arrows([20 + width * place + (width - 16) // 2 for place in range(len(shared))])
        + "</svg>"
    )


def _workers(book: Book) -> tuple[str, ...]:
    settings = book.settings
    if settings is None:
        return ("who answers, who gets a copy",)
    first, *others = settings.sticky.key
    return (plural(settings.workers, "worker"), f"by {first}{' …' if others else ''}")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


MARKER = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
    ' orient="auto-start-reverse"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
)


def _arrow(path: str, words: str, x: int, y: int, kind: str = "") -> str:
    return f'<path class="arrow {kind}" d="{path}" marker-end="url(#tip)"/>' + _text("label", x, y, words)


def _arrows(shared: Sequence[int]) -> str:
    """
    Everything that goes from box to box; `shared` are the middles of what both sides use.
    """
    found = [
        _arrow("M130 140H246", "request", 190, 132),
        _arrow("M250 165H134", "one answer", 190, 183),
        _arrow("M450 115C520 115 540 85 616 85", "live: answers the client", 545, 62),
        _arrow("M450 175C520 175 540 215 616 215", "copy: compared only", 545, 238, "copied"),
        _arrow("M300 210V258", "pairs", 275, 240),
        _arrow("M330 287H366", "", 0, 0),
        _arrow("M420 262V214", "weights", 388, 240),
    ]
    if shared:
        found.append(f'<path class="arrow" d="M870 85H888V325H{shared[0]}"/><path class="arrow" d="M870 215H888"/>')
        found += [_arrow(f"M{middle} 325V337", "", 0, 0) for middle in shared]
        found.append(_text("label", 760, 317, "what both use"))
    return "".join(found)
