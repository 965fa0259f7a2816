"""
Windows and freezes in words.
"""

from proxy.plan.model import Window
from proxy.plan.render.words import MONTHS, duration
from proxy.plan.times import Days, show_weekly


def days(span: Days | str) -> str:
    """
    Whole days, as people say them.
    """
    if isinstance(span, str):
        return "the last day of each month"
    first, last = (f"{day.day} {MONTHS[day.month - 1]} {day.year}" for day in span)
    return first if first == last else f"{first} to {last}"


def window_words(window: Window) -> str:
    """
    When a window is open, and who is told before.
    """
    found = [f"open {', '.join(map(show_weekly, window.allow))}" if window.allow else "always open"]
    if window.deny:
        found.append(f"but not on {', '.join(map(days, window.deny))}")
    if window.fit:
        found.append(f"a stage is entered while {duration(window.fit)} of it are left")
    found += [f"channel {to} is told {', '.join(map(duration, spans))} before" for to, spans in window.notice.items()]
    return "; ".join(found) + "."
