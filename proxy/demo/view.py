"""
How the demo looks: the live view, the progress line for when there is no terminal, and the summary. Pure: values in,
rich renderables out. Fits 80 columns by 24 lines; from 116 columns on, it also says what was planted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from proxy.demo.course import NAMES, Place
from proxy.demo.planted import REGRESSION, Effect
from proxy.demo.reading import Reading, total
from proxy.demo.summary import Row, Summary, row
from proxy.demo.tally import MIX, Tally
from proxy.demo.users import USERS

WIDE = 116  # columns
COLOURS = {
    "identical": "green",
    "noise": "cyan",
    "divergent": "magenta",
    "failed": "yellow",
    "skipped": "bright_black",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """
    One moment of the demo. Times in seconds, `rate` in requests per second, weights in percent (in force
    unless `killed`). `says` is what the operator has done, `place` where the plan is.
    """

    elapsed: float
    seconds: float
    rate: float
    listen: str
    old: str
    new: str
    new_weight: float
    mirror: float
    killed: bool
    says: str
    place: Place
    tally: Tally
    readings: tuple[Reading, ...]


def live(scene: Scene, width: int) -> RenderableType:
    """
    The live view, `width` columns wide.
    """
    return Group(
        _title(scene, width),
        _act(scene),
        _plan(scene.place),
        _flow(scene),
        _clients(scene),
        *_verdicts(total(scene.readings), width),
        Text(),
        _endpoints(scene, wide=width >= WIDE),
    )


def links(listen: str, admin: str, token_file: Path) -> Text:
    """
    What to try while everything is up.
    """
    # The demo is entered in no registry, so that no command finds it by itself.
    there = f"--admin http://{admin} --token-file {token_file}"
    return Text.assemble(
        ("  shop through Parallax  ", "bright_black"),
        f"curl -i http://{listen}/products/3\n",
        ("  move half of the users ", "bright_black"),
        f"parallax weights set {there} --new 50 --reason try\n",
        ("  watch it               ", "bright_black"),
        f"parallax status {there} --watch\n",
        ("  what was found         ", "bright_black"),
        f"parallax evidence {there}\n",
        ("  what is noise          ", "bright_black"),
        f"parallax noise {there}\n",
        ("  metrics                ", "bright_black"),
        f"curl http://{admin}/metrics",
    )


def progress(scene: Scene) -> str:
    """
    The same moment as one line.
    """
    books = total(scene.readings)
    found = ", ".join(f"{count:,} {name}" for name, count in _counts(books).items())
    return (
        f"{scene.elapsed:3.0f} s  {scene.tally.sent:,} requests ({scene.rate:.0f}/s): {found}; "
        f"client errors {scene.tally.errors.total():,}; plan {scene.place.stage or scene.place.phase}"
        f"{f' ({scene.place.step})' if scene.place.stage else ''}; {scene.says}"
    )


def result(summary: Summary, width: int) -> RenderableType:
    """
    The summary, `width` columns wide.
    """
    wide = width >= WIDE
    table = _table("", "endpoint", "planted", *(("how often",) if wide else ()), "+met", "+found")
    for line in summary.rows:
        what = line.planted.what if line.planted is not None else "nothing"
        table.add_row(
            _mark(line.good),
            line.endpoint,
            Text(what, style="" if line.planted is not None else "bright_black"),
            *((line.planted.how_often if line.planted is not None else "",) if wide else ()),
            f"{line.met:,}" if line.met else "",
            Text(line.found, style="bold red" if not line.good else _colour(line)),
        )
    checks = _table(header=False)
    for check in summary.checks:
        checks.add_row(_mark(check.good), check.sentence)
    bad = [line.endpoint for line in summary.rows if not line.good]
    return Group(table, Text(), *_signatures(summary), Text(), checks, Text(), _verdict(summary.good, bad))


def _signatures(summary: Summary) -> tuple[RenderableType, ...]:
    """
    What was found by its signature; those of the time before noise was known as one line.
    """
    table = _table("", "signature", "endpoint", "differs in", "+pairs")
    table.columns[3].no_wrap, table.columns[3].overflow = False, "fold"
    for line in summary.signed:
        if line.early:
            continue
        one = line.signature
        # The place of a status and of a header field says what it is.
        where = ", ".join(path if path.startswith(kind) else f"{kind} {path}" for path, kind in sorted(one.parts))
        table.add_row(_mark(line.good), one.id, one.endpoint, where, f"{one.count:,}")
    early = [line.signature for line in summary.signed if line.early]
    if not early:
        return (table,)
    pairs = sum(one.count for one in early)
    return table, Text(f"   and {len(early)} with noise in them, before it was known: {pairs:,} pairs", "bright_black")


def _verdict(good: bool, bad: Sequence[str]) -> Text:
    if good:
        said = "All as planted: differences found, noise called noise, nothing else blamed."
        return Text(said, style="bold green")
    where = f" at {', '.join(bad)}" if bad else ""
    return Text(f"Not as planted{where}; see ✗ above.", style="bold red")


def _title(scene: Scene, width: int) -> RenderableType:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    bar = ProgressBar(total=scene.seconds, completed=min(scene.elapsed, scene.seconds), width=width // 3)
    clock = f"{min(scene.elapsed, scene.seconds):.0f} of {scene.seconds:.0f} s"
    table.add_row(Text.assemble(("Parallax", "bold"), " demo"), bar, clock)
    return table


def _act(scene: Scene) -> Text:
    users = scene.tally.users
    seen = f"  (so far {len(users.first)} of {USERS}; came back: {users.came_back})" if users.first else ""
    style = "bold red" if scene.killed else "bold yellow" if users.first else ""
    return Text.assemble(("now      ", "bold"), (scene.says, style), seen)


def _plan(place: Place) -> Text:
    """
    The plan's stages as a line, and what it says of itself.
    """
    line = Text.assemble(("plan     ", "bold"))
    for number, name in enumerate(NAMES):
        is_here = name == place.stage and not place.is_over
        mark, style = (
            ("✓", "green") if name in place.passed else ("●", "bold yellow") if is_here else ("○", "bright_black")
        )
        line.append(f"{' ─ ' if number else ''}{mark} {name}", style=style)
    line.append(f"   {place.step.replace('_', ' ')}" if place.step and not place.is_over else f"   {place.phase}")
    return line


def _flow(scene: Scene) -> Text:
    lead = f"clients ──▶ {scene.listen} "
    share, copies = (0.0, 0.0) if scene.killed else (scene.new_weight, scene.mirror)
    new = f"answers {share:g} %, copies {copies:g} %" if share else f"copies of {copies:g} % of reads"
    return Text.assemble(
        (lead, "bold"),
        ("──▶ old ", "bold"),
        (scene.old, "cyan"),
        f"  answers {100 - share:g} %\n",
        " " * (len(lead) - 1) + " ╰─▶ ",
        ("new ", "bold"),
        (scene.new, "cyan"),
        f"  {new}",
    )


def _clients(scene: Scene) -> Text:
    tally = scene.tally
    errors = tally.errors.total()
    return Text.assemble(
        ("clients  ", "bold"),
        f"{scene.rate:,.0f}/s   {tally.answered:,} answered   p50 {_ms(tally.quantile(0.5))}  ",
        f"p99 {_ms(tally.quantile(0.99))}   ",
        (f"errors {errors:,}", "bold red" if errors else "bold green"),
    )


def _counts(books: Reading) -> dict[str, int]:
    return {
        "identical": books.verdicts.get("identical", 0),
        "noise": books.verdicts.get("noise", 0),
        "divergent": books.verdicts.get("divergent", 0),
        "failed": books.verdicts.get("failed", 0),
        "skipped": sum(books.skipped.values()),
    }


def _verdicts(books: Reading, width: int) -> tuple[Text, Text]:
    counts = _counts(books)
    room = width - 9
    wide = width >= WIDE
    bar, legend = Text.assemble(("verdicts ", "bold")), Text(" " * 9 if wide else "")
    whole = max(sum(counts.values()), 1)
    # At least one cell for what isn't zero; `identical` gives it.
    cells = {name: max(round(room * count / whole), 1) if count else 0 for name, count in counts.items()}
    cells["identical"] = room - sum(cells.values()) + cells["identical"] if books.settled else 0
    for name, count in counts.items():
        bar.append("█" * cells[name], style=COLOURS[name])
        share = f" {100 * count / whole:.1f} %" if wide and name in ("divergent", "failed") else ""
        legend.append(f"{count:,} {name}{share}  ", style=COLOURS[name])
    return bar, legend


def _endpoints(scene: Scene, *, wide: bool) -> Table:
    latency = ("+old p50", "+p99", "+new p50", "+p99") if wide else ("+old ms", "+p99", "+new ms", "+p99")
    table = _table("endpoint", "+seen", "+differ", "+share", *latency, "planted" if wide else "found", gap=1 + wide)
    known = {reading.endpoint: reading for reading in scene.readings}
    readings = [known.get(endpoint, Reading(endpoint=endpoint)) for endpoint in (*MIX, *sorted(set(known) - set(MIX)))]
    for reading in sorted(readings, key=lambda reading: -reading.share):
        line = row(reading.endpoint, scene.tally, reading)
        table.add_row(
            reading.endpoint,
            f"{reading.eligible:,}",
            f"{reading.disagreed:,}" if reading.disagreed else "",
            f"{100 * reading.share:.0f} %" if reading.disagreed else "",
            *_latency(reading.old),
            *_latency(reading.new),
            _planted(line, reading, wide=wide),
            style=_colour(line) if reading.disagreed else "",
        )
    return table


def _planted(line: Row, reading: Reading, *, wide: bool) -> Text:
    what = f" {line.planted.what}" if line.planted is not None and wide else ""
    effect = line.planted.effect if line.planted is not None else None
    if reading.endpoint == REGRESSION.endpoint and reading.disagreed:
        return Text(f"▲{f' {REGRESSION.what}' if wide else ''}", style="magenta")
    if effect is None or effect is Effect.HARMLESS:
        return Text("✗", style="bold red") if reading.disagreed else Text(f"·{what}", style="bright_black")
    # What was planted counts as found from the first sight of it on; whether all of it was, the summary says.
    found = line.good if effect is Effect.SLOWER else reading.verdicts.get(effect, 0) > 0
    return Text(f"✓{what}", style="green") if found else Text(f"○{what}", style="bright_black")


def _colour(line: Row) -> str:
    if line.planted is None:
        return "green" if line.found == "0" else "bold red"
    return COLOURS.get(line.planted.effect, "green")


def _mark(good: bool) -> Text:
    return Text("✓", style="bold green") if good else Text("✗", style="bold red")


def _latency(quantiles: tuple[float, float] | None) -> tuple[str, str]:
    return (f"{quantiles[0]:.1f}", f"{quantiles[1]:.1f}") if quantiles is not None else ("", "")


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.1f} ms"


def _table(*columns: str, header: bool = True, gap: int = 2) -> Table:
    """
    A table without lines, `gap` spaces between columns. A column whose name starts with `+` is aligned right.
    """
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, show_header=header, header_style="bold")
    for column in columns:
        table.add_column(column.lstrip("+"), justify="right" if column.startswith("+") else "left", no_wrap=True)
    return table
