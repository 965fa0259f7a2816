"""
The body of a change, as bytes, becomes a JSON object, or a sentence saying why it is none. Pure.

What comes in is never repeated in the sentence: a body can hold a secret that was sent to the wrong place.
"""

import json
from typing import Any, Final

import orjson

EXAMPLE: Final = 'send a JSON object such as {"reason": "why"}'
LARGEST: Final = 64 * 1024  # bytes; the largest sensible change is a few hundred


class BadBody(ValueError):
    """
    The sender's fault; the text is for the sender.
    """


def parse_change(body: bytes) -> dict[str, Any]:
    """
    The one JSON object that `body` is. Raises `BadBody`.

    Parsed twice. orjson is strict where the standard library isn't: UTF-8, half surrogates, NaN and numbers beyond
    floats, depth. The standard library sees keys that are there twice, of which orjson would take the last; it also
    leaves large whole numbers alone.
    """
    if not body.strip():
        raise BadBody(f"the body is empty; {EXAMPLE}")
    try:
        orjson.loads(body)
        value = json.loads(body, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:  # orjson's own error is one, too
        raise BadBody(f"the body is no JSON (line {error.lineno}, column {error.colno}); {EXAMPLE}") from None
    except RecursionError:
        raise BadBody(f"the body is nested too deeply; {EXAMPLE}") from None
    if not isinstance(value, dict):
        raise BadBody(f"the body is JSON, but no object; {EXAMPLE}")
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadBody("the body has a key twice, so it could be read in two ways; send each key once")
    return value
