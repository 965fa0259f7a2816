"""
Intent apart from configuration.
"""

import orjson
import pytest

from proxy.routing.intent import Intent, intent_in, intent_of, with_intent
from proxy.routing.table import encode
from tests.parts.supervised import a_table


def test_the_intent_of_an_encoded_table_is_found_without_decoding_it() -> None:
    """
    Also in one of another version, whose other fields mean nothing here.
    """
    intent = Intent(epoch=9, new=33.25, mirror=12.5)
    table = with_intent(a_table(), intent)
    other = {
        name: value for name, value in orjson.loads(encode(table)).items() if name in {"epoch", "weight", "mirror"}
    }

    assert intent_of(table) == intent
    assert intent_in(encode(table)) == intent
    assert intent_in(orjson.dumps({**other, "unheard of": []})) == intent


@pytest.mark.parametrize(
    "change", [{"epoch": -1}, {"weight": 100.01}, {"weight": "much"}, {"mirror": {}}, {"mirror": {"percent": -1}}]
)
def test_an_intent_that_nobody_can_have_wanted_is_none(change: dict[str, object]) -> None:
    """
    Raises ValueError, as bytes that are no table do.
    """
    with pytest.raises(ValueError, match=r".+"):
        intent_in(orjson.dumps({**orjson.loads(encode(a_table())), **change}))


@pytest.mark.parametrize("data", [b"", b"\x00", b"[]", b"null", b"{}"])
def test_bytes_that_are_no_table_have_no_intent(data: bytes) -> None:
    """
    The same error for whatever is wrong.
    """
    with pytest.raises(ValueError, match=r".+"):
        intent_in(data)
