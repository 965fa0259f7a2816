"""
The plan's dates as a calendar file: when stages are expected, the windows they may be entered in, notices and freezes.

Deterministic: nothing asks the time, and each appointment keeps its identity from version to version of a plan, so that
a calendar that reads the file again moves what has moved. Times are in UTC, as every calendar understands them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from icalendar import Calendar, Event

from proxy.plan.calendar import is_open
from proxy.plan.check_stages import window_of
from proxy.plan.model import Window
from proxy.plan.render.book import Book, StageView
from proxy.plan.render.words import duration, moment, percent


def calendar_file(book: Book) -> str | None:
    """
    The file, or None for a plan without any date.
    """
    events = list(_events(book))
    if not events:
        return None
    calendar = Calendar()
    calendar.add("prodid", "-//Parallax//plan//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", book.title)
    for event in events:
        calendar.add_component(event)
    return bytes(calendar.to_ical()).decode()


def _events(book: Book) -> Iterator[Event]:
    if book.is_dated:
        for view in book.stages:
            yield _stage(book, view)
            window = window_of(book.plan, view.stage)
            if window is not None:
                yield from _window(book, view, window)
    for number, freeze in enumerate(book.plan.freezes, 1):
        event = _event(book, f"freeze-{number}", f"Freeze: {freeze.why}", "Nothing advances. Rollbacks are possible.")
        event.add("dtstart", freeze.dates.first)
        event.add("dtend", freeze.dates.last + timedelta(days=1))
        yield event


def _stage(book: Book, view: StageView) -> Event:
    dates = view.present
    back = f" Goes back to {view.stage.rollback.to}." if view.stage.rollback is not None else ""
    said = (
        f"{view.stage.success}. New answers {percent(view.exposure.weight)}. Expected; left between"
        f" {moment(dates.left.earliest, book.zone)} and {moment(dates.left.latest, book.zone)}"
        f" ({book.plan.timezone}).{back}"
    )
    event = _event(book, f"stage-{view.name}", f"{book.plan.plan}: {view.heading}", said)
    event.add("dtstart", _utc(dates.entered.expected))
    event.add("dtend", _utc(dates.left.expected))
    return event


def _window(book: Book, view: StageView, window: Window) -> Iterator[Event]:
    """
    The opening in which a stage is expected to be entered, and the notices that come before it.
    """
    at = view.present.entered.expected
    until = is_open(window, book.plan.freezes, book.plan.timezone, at).until
    if until is not None:
        event = _event(
            book, f"window-{view.name}", f"{book.plan.plan}: {view.name} may be entered", "The window is open."
        )
        event.add("dtstart", _utc(at))
        event.add("dtend", _utc(until))
        yield event
    for channel, spans in window.notice.items():
        for ahead in spans:
            words = f"{book.plan.plan}: notice to {channel}, {duration(ahead)} before {view.name}"
            event = _event(book, f"notice-{view.name}-{channel}-{ahead:g}", words, "It is sent by Parallax.")
            event.add("dtstart", _utc(at - ahead))
            event.add("dtend", _utc(at - ahead + 900))
            yield event


def _event(book: Book, key: str, summary: str, description: str) -> Event:
    event = Event()
    name = sha256(f"{book.plan.plan}/{key}".encode()).hexdigest()[:32]
    event.add("uid", f"{name}@parallax")
    # RFC 5545 wants to know when this was made; the day the plan starts is the same each time it is made.
    event.add("dtstamp", _utc(book.begin or 0.0))
    event.add("summary", summary)
    event.add("description", description)
    event.add("transp", "TRANSPARENT")
    return event


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(round(at), UTC)
