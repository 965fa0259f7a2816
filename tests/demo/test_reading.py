"""
The admin API's answer as readings.
"""

import orjson
import pytest

from proxy.admin.answers import endpoints
from proxy.admin.facts import Facts
from proxy.demo.reading import Reading, parse, parse_found, total
from proxy.metrics.books import DIVERGENT, FAILED, IDENTICAL, LIVE, SHADOW, Books
from proxy.metrics.merge import Snapshot
from proxy.routing.table import NEW, OLD


def test_what_the_admin_api_says_is_read() -> None:
    """
    Counts by verdict and reason, and both sides' quantiles, from the very answer that control gives.
    """
    books = Books()
    page = books.page("GET /cart/{id}")
    page.eligible[OLD] = 5
    for verdict in (IDENTICAL, IDENTICAL, DIVERGENT, FAILED):
        page.judged(OLD, verdict)
    page.skip(OLD, "concurrency")
    page.answered(OLD, LIVE, 200, 0.001)
    page.answered(NEW, SHADOW, 200, 0.1)
    facts = Facts({})
    facts.merge.put(1, Snapshot(books=books))
    (reading,) = parse(orjson.loads(orjson.dumps(endpoints(facts))))

    assert reading.endpoint == "GET /cart/{id}"
    assert (reading.eligible, reading.judged, reading.settled, reading.disagreed) == (5, 4, 5, 2)
    assert reading.share == 0.5
    assert reading.skipped == {"concurrency": 1}
    assert reading.old is not None
    assert reading.new is not None
    assert reading.old[0] < reading.new[0]


def test_an_endpoint_without_answers_has_no_latency() -> None:
    """
    Nothing measured is None, not zero.
    """
    books = Books()
    books.page("GET /cart/{id}").eligible[OLD] = 1
    facts = Facts({})
    facts.merge.put(1, Snapshot(books=books))
    (reading,) = parse(orjson.loads(orjson.dumps(endpoints(facts))))

    assert (reading.old, reading.new) == (None, None)
    assert reading.settled == 0


def test_signatures_and_known_noise_are_read() -> None:
    """
    Places that are proposed or accused are no noise; signatures come with all of their parts.
    """
    row = {
        "id": "5edc9415ac05fbe4",
        "endpoint": "GET /a",
        "parts": [{"path": "$.b", "kind": "value"}],
        "count": 3,
        "last": 9.5,
    }
    states = {"$.b": "noise", "$.c": "proposed", "$.d": "accused"}
    places = [{"endpoint": "GET /a", "path": path, "kind": "value", "state": state} for path, state in states.items()]
    found = parse_found({"signatures": [row]}, {"places": places, "in_force": True})

    assert found.noise == {"GET /a": {("$.b", "value")}}
    assert found.in_force
    assert [(one.parts, one.count, one.last) for one in found.signatures] == [(frozenset({("$.b", "value")}), 3, 9.5)]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_all_endpoints_add_up(count: int) -> None:
    """
    The total of some readings is their sum, key by key.
    """
    one = Reading(endpoint="GET /a", eligible=3, verdicts={"identical": 1, "failed": 1}, skipped={"method": 1})
    both = total([one] * count)

    assert (both.eligible, both.settled, both.disagreed) == (3 * count, 3 * count, count)
