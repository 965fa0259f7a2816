"""
Values in messages: short, and without secrets.
"""


def quote(value: object) -> str:
    """
    A value as messages show it: short, and hidden where it may hold a password (user:password@host).
    """
    if value is None:
        return "nothing"
    text = repr(value).lower() if isinstance(value, bool) else repr(value)
    if "@" in text:
        return "the value"
    return text if len(text) <= 80 else f"{text[:77]}…"
