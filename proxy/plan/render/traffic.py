"""
Who answers whom, what is copied, and what becomes of data: in words, from the plan's stages and parallax.yaml.
"""

from dataclasses import dataclass
from typing import Final

from proxy.plan.render.book import Book, StageView
from proxy.plan.render.markdown import Markdown, celled, escape, listed
from proxy.plan.render.words import percent
from proxy.settings.routes import RouteMatch, RouteSettings

DATA: Final = {
    "stateless": "neither side keeps anything, so it doesn't matter who gets a write",
    "shared": "both write to one store, so that whoever answers a write, the other one reads it",
    "split": "each side has a store of its own; writes stay on old, and new has its data by other means",
}
# What a rollback has to do about data: nothing, and why.
BACK: Final = {
    "stateless": "Nothing: there is none.",
    "shared": "Nothing has to be done: what new wrote lies in the store that old reads.",
    "split": "Nothing has to be done: old has got every write, at every stage.",
}
WRITES: Final = {
    "never": "never copied",
    "safe": "copied like reads: they write nothing",
    "dry_run": "copied as dry runs",
    "mirror": "copied once each, after the live side has done them",
}
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
NOTHING: Final = Markdown("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """
    A cohort, or a route, in a table.
    """

    name: str
    who: Markdown = NOTHING
    share: str = ""
    match: Markdown = NOTHING
    mirror: str = ""
    writes: str = ""


def own_names(book: Book) -> tuple[str, ...]:
    """
    Routes and cohorts that stages give a share of their own.
    """
    routes = (f"route {name}" for stage in book.plan.stages for name in stage.routes)
    cohorts = (f"cohort {name}" for stage in book.plan.stages for name in stage.cohorts)
    return tuple(dict.fromkeys((*routes, *cohorts)))


def own(view: StageView, name: str) -> str:
    """
    The share of one of them at a stage.
    """
    what, _, which = name.partition(" ")
    share = (view.exposure.routes if what == "route" else view.exposure.cohorts).get(which)
    return "as everybody" if share is None and what == "route" else percent(share)


def matches(match: RouteMatch) -> Markdown:
    """
    What a request has to be.
    """
    told = {name: value for name, value in match.model_dump().items() if value}
    return listed(Markdown(f"{escape(name)} {celled(_short(value))}") for name, value in told.items())


def _short(value: object) -> str:
    if isinstance(value, tuple):
        pairs = all(isinstance(item, tuple) for item in value)
        return ", ".join(": ".join(map(str, item)) if pairs else str(item) for item in value)
    return str(value)


def cohorts(book: Book) -> tuple[Described, ...]:
    """
    All cohorts of the configuration.
    """
    return tuple(
        Described(
            name=cohort.name,
            who=matches(cohort.match),
            share=f"always {cohort.side}" if cohort.side is not None else percent(cohort.weight),
        )
        for cohort in (book.settings.cohorts if book.settings is not None else ())
    )


def routes(book: Book) -> tuple[Described, ...]:
    """
    All routes of the configuration.
    """
    return tuple(_route(route) for route in (book.settings.routes if book.settings is not None else ()))


def _route(route: RouteSettings) -> Described:
    reads = not route.match.method or READS & set(route.match.method)
    copied = "no reads" if not route.mirror or not reads else "reads"
    return Described(
        name=route.name,
        match=matches(route.match),
        share="as everybody" if route.weight is None else percent(route.weight),
        mirror=f"{percent(route.mirror)} of {copied}" if copied == "reads" and route.mirror < 100 else copied,
        writes=WRITES[route.writes],
    )


def data_words(book: Book) -> str:
    """
    What `data` of the configuration means.
    """
    return DATA[book.settings.data] if book.settings is not None else "parallax.yaml says"


def data_back(book: Book) -> str:
    """
    What a rollback has to do about data.
    """
    if book.settings is None:
        return "The configuration says whether old and new share their data; it wasn't there when this was written."
    return BACK[book.settings.data]


def writers(book: Book, view: StageView) -> str:
    """
    Who does the writes of clients at a stage.
    """
    if book.settings is not None and book.settings.data == "split":
        return "old"
    return "whoever answers: old, and new for its share" if view.is_live else "old"


def writes_words(book: Book) -> str:
    """
    Which writes are copied.
    """
    copied = [route for route in (book.settings.routes if book.settings else ()) if route.writes != "never"]
    if not copied:
        return "no write is copied"
    return "; ".join(f"route {route.name}: {WRITES[route.writes]}" for route in copied) + "; no other write is copied"


def size(value: int) -> str:
    """
    Bytes.
    """
    return f"{value / 2**20:,.4g} MiB" if value >= 2**20 else f"{value / 2**10:,.4g} KiB"
