"""
Numbers as people read them, in the sentences of gates and guards.
"""

from math import floor, log10


def counted(bad: int, n: int, unit: str, verb: str) -> str:
    """
    "37 of 12,400 pairs are bad (0.30 %)".
    """
    return f"{bad:,} of {n:,} {unit} {verb} ({percent(bad / n)})" if n else f"no {unit} yet"


def percent(rate: float) -> str:
    """
    Two digits that count: 0.30 %, 5.0 %, 50 %.
    """
    share = 100.0 * rate
    if share <= 0.0:
        return "0 %"
    digits = max(0, 1 - floor(log10(float(f"{share:.1e}"))))
    return f"{share:.{digits}f} %"


def budgeted(budget: float) -> str:
    """
    A percentage that somebody has written: as `percent`, with all its digits if it has more.
    """
    short, exact = percent(budget), f"{100.0 * budget:.9g}"
    return short if float(short[:-2]) == float(exact) else f"{exact} %"


def about(count: float) -> str:
    """
    Two digits that count, and thousands: 4,100.
    """
    return f"{float(f'{count:.1e}'):,.0f}"


def span(seconds: float) -> str:
    """
    A time to wait, in one unit: 20 s, 3 min, 2.5 h, 4 days.
    """
    for size, unit in ((86_400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            value = seconds / size
            return (
                f"{value:.1f} {unit}" if value < 10 and value % 1 >= 0.1 and unit != "min" else f"{value:,.0f} {unit}"
            )
    return f"{max(1.0, seconds):.0f} s"


def names(all_of_them: tuple[str, ...], most: int = 5) -> str:
    """
    "search, read and 3 more".
    """
    more = len(all_of_them) - most
    return ", ".join(all_of_them[:most]) + (f" and {more} more" if more > 0 else "")


def more(needed: int | None, seconds: float | None, unit: str) -> str:
    """
    "needs about 4,100 more pairs, 20 s at this rate"; None if it can't be said.
    """
    if needed is None:
        return "too near to it to be decided soon"
    when = f", {span(seconds)} at this rate" if seconds is not None else ""
    return f"needs about {about(needed)} more {unit}{when}"
