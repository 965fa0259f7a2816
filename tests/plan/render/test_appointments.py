"""
The calendar file: read back by who reads calendars.
"""

from datetime import UTC, date, datetime

from icalendar import Calendar, Event

from proxy.plan.render.appointments import calendar_file
from proxy.plan.render.making import make_book
from tests.parts.documents import EXAMPLES, book_from, book_of
from tests.parts.plans import a_plan


def events(text: str | None) -> dict[str, Event]:
    """
    By their summaries.
    """
    assert text is not None
    found = Calendar.from_ical(text).walk("VEVENT")
    return {str(event["summary"]): event for event in found if isinstance(event, Event)}


def test_stages_windows_notices_and_freezes_are_in_it() -> None:
    """
    At the expected times, in UTC.
    """
    found = events(calendar_file(book_of("orders-read")))
    cutover = found["orders-read: Stage 7: live-100, The cutover"]
    notice = found["orders-read: notice to stakeholders, 7 d before live-100"]
    freeze = found["Freeze: quarterly closing"]

    assert cutover.start == datetime(2027, 3, 16, 4, tzinfo=UTC)
    assert found["orders-read: live-100 may be entered"].end == datetime(2027, 3, 16, 6, tzinfo=UTC)
    assert notice.start == datetime(2027, 3, 9, 4, tzinfo=UTC)
    assert (freeze.start, freeze.end) == (date(2027, 3, 25), date(2027, 4, 3))


def test_an_appointment_stays_the_same_one_when_the_plan_changes() -> None:
    """
    So that a calendar moves it, and doesn't show it twice.
    """
    text = (EXAMPLES / "orders-read.yaml").read_text()
    before = events(calendar_file(book_from(text)))
    after = events(calendar_file(book_from(text.replace("start: 2027-03-01", "start: 2027-03-08"))))
    uids = [str(event["uid"]) for event in before.values()]

    assert len(set(uids)) == len(uids)
    assert uids == [str(event["uid"]) for event in after.values()]
    assert [event.start for event in before.values()] != [event.start for event in after.values()]


def test_nothing_breaks_a_line() -> None:
    """
    Words of a plan can add no property and no appointment.
    """
    text = (EXAMPLES / "orders-read.yaml").read_text()
    spoiled = text.replace("why: quarterly closing", r'why: "a\nEND:VEVENT\r\nBEGIN:VEVENT; b, c"')

    assert "END:VEVENT" in spoiled
    assert len(events(calendar_file(book_from(spoiled)))) == len(events(calendar_file(book_from(text))))


def test_without_dates_there_is_no_file() -> None:
    """
    A calendar without appointments is none.
    """
    assert calendar_file(make_book(a_plan({"weight": 0}), "0" * 64, "plan.yaml")) is None
