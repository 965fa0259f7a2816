"""
Form bodies (application/x-www-form-urlencoded, WHATWG URL §5) as values: each name with its values in order.
"""

from typing import Final
from urllib.parse import parse_qsl

MOST_FIELDS: Final = 10_000


class NotForm(ValueError):
    """
    Not a form, or one beyond all bounds.
    """


def read_form(text: str) -> dict[str, list[str]]:
    """
    The fields, in the order of their first value.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise NotForm(str(error)) from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields
