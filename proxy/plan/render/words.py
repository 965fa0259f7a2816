"""
Numbers, times and shares as people read them. English, and the same on every machine.
"""

from datetime import UTC, datetime
from math import ceil
from zoneinfo import ZoneInfo

UNITS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def duration(seconds: float | None) -> str:
    """
    The two largest units that matter: 3 d 12 h, 90 s as 1 min 30 s, 0.4 s.
    """
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds:.2g} s" if seconds else "0 s"
    left = float(round(seconds))
    for place, (size, unit) in enumerate(UNITS):
        if left >= size:
            whole, rest = divmod(left, size)
            smaller, name = UNITS[place + 1] if place + 1 < len(UNITS) else (1.0, "")
            second = int(rest // smaller) if name else 0
            return f"{whole:.0f} {unit}" + (f" {second} {name}" if second else "")
    return f"{left:.0f} s"


def percent(value: float | None) -> str:
    """
    A share that is in percent already.
    """
    return "–" if value is None else f"{value:.2f}".rstrip("0").rstrip(".") + " %"


def share(value: float | None) -> str:
    """
    A share from 0 to 1, with as many digits as a small one needs.
    """
    return "–" if value is None else f"{float(f'{value * 100:.3g}'):,.10g} %"


def count(value: float | None) -> str:
    """
    A whole number, rounded up, with its thousands apart.
    """
    return "–" if value is None else f"{ceil(value):,}"


def number(value: float | None) -> str:
    """
    A number as short as it can be.
    """
    return "–" if value is None else f"{float(f'{value:.4g}'):,.10g}"


def local(at: float, zone: ZoneInfo) -> datetime:
    """
    Seconds since 1970 on the plan's clock.
    """
    return datetime.fromtimestamp(at, UTC).astimezone(zone)


def moment(at: float | None, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """
    A point in time for people: Mon 1 Mar 2027, 09:00.
    """
    if at is None:
        return "–"
    when = local(at, zone)
    clock = f"{when:%H:%M:%S}" if seconds else f"{when:%H:%M}"
    return f"{DAYS[when.weekday()]} {when.day} {MONTHS[when.month - 1]} {when.year}, {clock}"


def offset(seconds: float | None) -> str:
    """
    A point in time of a plan that has no date yet: so long after its start.
    """
    return "–" if seconds is None else f"start + {duration(seconds)}" if seconds else "start"


def drift(seconds: float) -> str:
    """
    How much later than forecast something was.
    """
    if abs(seconds) < 60:
        return "as forecast"
    return f"{duration(abs(seconds))} {'later' if seconds > 0 else 'earlier'}"


def plural(amount: int, one: str, many: str = "") -> str:
    """
    1 person, 2 persons.
    """
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"
