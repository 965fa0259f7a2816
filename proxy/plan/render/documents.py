"""
All documents of a plan: names of files, and what is in them. Pure, and the same bytes for the same plan every time.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from proxy.plan.render import (
    alerts,
    checklists,
    drawing,
    gantt,
    judged,
    markdown,
    monitoring,
    people,
    risks,
    running,
    samples,
    traffic,
    watching,
    windows,
    words,
)
from proxy.plan.render.appointments import calendar_file
from proxy.plan.render.book import Book
from proxy.plan.render.costs import COLUMNS, costs
from proxy.plan.render.letters import events, letters
from proxy.plan.render.milestones import milestones
from proxy.plan.render.page import render_page
from proxy.plan.render.times import spell, times


@dataclass(frozen=True, slots=True)
class Page:
    """
    A document: its file, its title, and what it is for.
    """

    file: str
    title: str
    about: str


PAGES: Final = (
    Page("plan.md", "Plan", "what happens when, and what counts as success"),
    Page("architecture.md", "Side by side", "how old and new run in parallel, and what they share"),
    Page("runbook.md", "Runbook", "stage by stage: what is done, typed and watched"),
    Page("cutover-checklist.md", "Cutover checklist", "what has to be ticked off, and go or no-go"),
    Page("checkpoints.md", "Checkpoints", "what leads from stage to stage, in words and numbers"),
    Page("risk-register.md", "Risk register", "what could go wrong, and what is there against it"),
    Page("consistency.md", "Data consistency", "who writes, who reads what was written, what is copied"),
    Page("team.md", "Team", "who decides, who does what, who is told"),
    Page("monitoring.md", "Monitoring", "what is watched, and which alerts there are"),
    Page("final-report.md", "Final report", "what became of it"),
)
BLANK = re.compile(r"\n{3,}")
SETBACKS: Final = frozenset({"held", "rollback", "aborted", "forced"})
PASSED: Final = frozenset({"passed", "finished", "approved"})


@cache
def environment() -> Environment:
    """
    Templates that print everything as text, unless it is Markdown already. They are compiled once.
    """
    made = Environment(
        loader=PackageLoader("proxy.plan.render", "templates"),
        undefined=StrictUndefined,
        finalize=markdown.shown,
        autoescape=False,  # noqa: S701 - this is Markdown: `finalize` escapes for it, more than HTML's rules would
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.update(_words())
    return made


def _words() -> dict[str, Any]:
    return {
        **{name: getattr(markdown, name) for name in ("code", "celled", "fence", "listed")},
        **{name: getattr(words, name) for name in ("count", "duration", "number", "percent", "share")},
        **{name: getattr(judged, name) for name in ("kind", "numbers", "rule")},
        **{name: getattr(people, name) for name in ("may", "people", "quorum", "raci")},
        "raw": markdown.Markdown,
        "spaced": lambda text: str(text).replace("_", " "),
        "weights": gantt.weights,
        "size": traffic.size,
        "failing": watching.failing,
        "tripping": watching.tripping,
        "acts": watching.acts,
        "own": traffic.own,
    }


def render_markdown(book: Book, own: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    The Markdown documents, by file.
    """
    templates = environment()
    about = context(book)
    found = {page.file: _render(templates, page.file, about) for page in PAGES}
    for view in book.stages:
        found[view.page] = _render(templates, "rollback.md", {**about, "view": view})
    for event in events(book):
        told = {"event": event, "letters": letters(book, event, (own or {}).get(event))}
        found[f"comms/{event}.md"] = _render(templates, "comms.md", {**about, **told})
    return found


def render(book: Book, own: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    Every file: the documents, the alert rules, the calendar if there are dates, and all of it as one page. `own` are
    the plan's own templates of notices, by event.
    """
    found = render_markdown(book, own)
    found["prometheus-rules.yml"] = alerts.rules_file(book)
    appointments = calendar_file(book)
    if appointments is not None:
        found["calendar.ics"] = appointments
    titles = {page.file: page.title for page in PAGES} | {view.page: view.name for view in book.stages}
    titles |= {f"comms/{event}.md": event.replace("_", " ") for event in events(book)}
    return {**found, "index.html": render_page(book, found, titles)}


def _render(templates: Environment, name: str, about: Mapping[str, Any]) -> str:
    text = templates.get_template(f"{name}.j2").render(**about)
    return BLANK.sub("\n\n", text).rstrip() + "\n"


def context(book: Book) -> dict[str, Any]:
    """
    What templates may speak of.
    """
    return {**_facts(book), **_tellers(book), **_lists(book)}


def _facts(book: Book) -> dict[str, Any]:
    began, ended = spell(book)
    return {
        "book": book,
        "plan": book.plan,
        "settings": book.settings,
        "stages": book.stages,
        "commands": book.commands,
        "pages": PAGES[1:],
        "began": began,
        "ended": ended,
        "told_of": events(book),
        "defects": COLUMNS,
        "number_of_stages": words.plural(len(book.stages), "stage"),
        "data_words": traffic.data_words(book),
        "data_back": traffic.data_back(book),
        "writes_words": traffic.writes_words(book),
        "gantt": gantt.mermaid(book),
        "drawing": drawing.mermaid(book),
        "anybody": people.ANYBODY,
        "moves": people.MOVES,
    }


def _tellers(book: Book) -> dict[str, Callable[..., object]]:
    clock = times(book)
    return {
        **{name: getattr(clock, name) for name in ("planned", "when", "happened", "actual", "late", "took")},
        "preconditions": partial(watching.preconditions, book),
        "by_itself": partial(watching.by_itself, book),
        "stage_commands": partial(watching.stage_commands, book),
        "back": partial(watching.back, book),
        "costs": partial(costs, book),
        "writers": partial(traffic.writers, book),
        "defended": partial(risks.defended, book),
        "controls": partial(risks.controls, book),
        "risk_now": partial(risks.now, book),
        "at_risk": partial(risks.at, book),
        "told": partial(people.told, book.plan),
        "tally": partial(running.tally, book.running),
        "guard_now": partial(running.level, book.running),
        "interval": judged.interval,
        "shares": lambda shares: ", ".join(f"{name} {words.percent(value)}" for name, value in shares.items()),
        "window_words": windows.window_words,
        "days": windows.days,
    }


def _lists(book: Book) -> dict[str, Any]:
    history = book.running.history if book.running is not None else ()
    return {
        "milestones": milestones(book),
        "mixed": traffic.own_names(book),
        "cohorts": traffic.cohorts(book),
        "routes": traffic.routes(book),
        "roles": tuple(book.plan.team.roles),
        "guards": watching.guards(book),
        "preflight": checklists.preflight(book),
        "checklists": checklists.checklists(book),
        "countdowns": checklists.countdowns(book),
        "before": watching.before(book),
        "always": watching.always(book),
        "after": watching.after(book),
        "last": watching.without(book),
        "risks": risks.by_weight(book),
        "panels": monitoring.PANELS,
        "plan_metrics": [{"metric": panel.query, "tells": panel.what} for panel in monitoring.OF_PLANS],
        "alerts": alerts.alerts(book.plan),
        "samples": samples.rows(book.plan),
        "setbacks": [line for line in history if line.what in SETBACKS],
        "passed": [line for line in history if line.what in PASSED],
    }
