"""
What Prometheus reads: every series of the contract for which there is data, and no others.
"""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from proxy.metrics.books import DELTAS, DIVERGENT, LIVE, SECONDS, SHADOW, VERDICTS, Books
from proxy.metrics.exposition import BooksCollector, Exposed, Share, WorkerGauges, render
from proxy.routing.table import NEW, OLD

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def exposed(books: Books) -> Exposed:
    """
    A state with these books, one worker that has said everything and one that has said nothing.
    """
    return Exposed(
        books=books,
        workers=(
            WorkerGauges(worker="host/0", epoch=3, shadow_memory=4096, overload=2, brownout=True),
            WorkerGauges(worker="host/1", epoch=None, shadow_memory=None, overload=None, brownout=None),
        ),
        shares=(Share(new=25.0),),
        mirror=50.0,
        evidence_dropped=0,
        killed=False,
        breaker_open=(False, True),
        ejected=(0, 3),
        reload_successful=True,
        reloaded_at=1.7e9,
        accused={"GET /a": 2},
        build={"version": "1.2.3"},
    )


def scrape(books: Books, accept: str = "") -> Series:
    """
    All series, by name and labels, through the real text and the real parser.
    """
    registry = CollectorRegistry()
    registry.register(BooksCollector(lambda: exposed(books)))
    body, _ = render(registry, accept)
    parse = parse_openmetrics if "openmetrics" in accept else text_string_to_metric_families
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(body.decode())
        for sample in family.samples
    }


def series(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """
    A key of `scrape`.
    """
    return name, frozenset(labels.items())


def some_books() -> Books:
    """
    One endpoint with an exchange that diverged.
    """
    books = Books()
    page = books.page("GET /users/{id}")
    page.eligible[OLD] += 2
    page.judged(OLD, DIVERGENT)
    page.skip(OLD, "sampled_out")
    page.answered(OLD, LIVE, 200, 0.003)
    page.answered(NEW, SHADOW, 500, 0.2)
    page.compared(OLD, 0.0008, 0.0004)
    page.connected(NEW, SHADOW)
    page.leave_unpaired(OLD, "connect")
    page.failed[NEW] += 1
    page.rechecks = [3, 2]
    books.error("upstream", "connect_timeout")
    return books


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
def test_every_series_of_the_contract_is_there(accept: str) -> None:
    """
    Names and labels are what the contract says, in both formats.
    """
    got = scrape(some_books(), accept)
    endpoint = {"endpoint": "GET /users/{id}"}

    assert got[series("parallax_requests_total", **endpoint, side="old", role="live", code="200")] == 1
    assert got[series("parallax_requests_total", **endpoint, side="new", role="shadow", code="500")] == 1
    assert got[series("parallax_eligible_total", **endpoint, live="old")] == 2
    assert got[series("parallax_comparisons_total", **endpoint, live="old", verdict="divergent")] == 1
    assert got[series("parallax_skipped_total", **endpoint, live="old", reason="sampled_out")] == 1
    assert got[series("parallax_failed_total", **endpoint, side="new")] == 1
    assert got[series("parallax_latency_difference_seconds_bucket", **endpoint, live="old", le="-0.0005")] == 0
    assert got[series("parallax_latency_difference_seconds_bucket", **endpoint, live="old", le="0.0")] == 1
    assert got[series("parallax_latency_ratio_bucket", **endpoint, live="old", le="0.33")] == 0
    assert got[series("parallax_latency_ratio_bucket", **endpoint, live="old", le="0.5")] == 1
    assert got[series("parallax_connects_total", **endpoint, side="new", role="shadow")] == 1
    assert got[series("parallax_unpaired_total", **endpoint, live="old", reason="connect")] == 1
    assert got[series("parallax_rechecked_total", **endpoint)] == 5
    assert got[series("parallax_transient_total", **endpoint)] == 2
    assert got[series("parallax_weight_percent", side="old", route="", cohort="")] == 75
    assert got[series("parallax_weight_percent", side="new", route="", cohort="")] == 25
    assert got[series("parallax_mirror_percent")] == 50
    assert got[series("parallax_killed")] == 0
    assert got[series("parallax_epoch", worker="host/0")] == 3
    assert got[series("parallax_shadow_memory_bytes", worker="host/0")] == 4096
    assert got[series("parallax_overload_level", worker="host/0")] == 2
    assert got[series("parallax_brownout", worker="host/0")] == 1
    assert got[series("parallax_breaker_open", side="old")] == 0
    assert got[series("parallax_breaker_open", side="new")] == 1
    assert got[series("parallax_ejected", side="old")] == 0
    assert got[series("parallax_ejected", side="new")] == 3
    assert got[series("parallax_config_last_reload_successful")] == 1
    assert got[series("parallax_config_last_reload_success_timestamp_seconds")] == 1.7e9
    assert got[series("parallax_errors_total", where="upstream", cause="connect_timeout")] == 1
    assert got[series("parallax_build_info", version="1.2.3")] == 1


def test_only_what_exists_is_exposed_but_all_verdicts_of_an_endpoint() -> None:
    """
    No series for what never happened, except the verdicts that a rate must see starting from zero.
    """
    got = scrape(some_books())
    names = [name for name, _ in got]

    assert names.count("parallax_comparisons_total") == len(VERDICTS)
    assert names.count("parallax_requests_total") == 2
    assert names.count("parallax_eligible_total") == 1
    assert names.count("parallax_skipped_total") == 1
    assert names.count("parallax_failed_total") == 2
    assert names.count("parallax_epoch") == 1
    assert names.count("parallax_request_seconds_count") == 2
    assert not any("created" in name for name in names)


def test_the_latency_histogram_is_cumulative_with_sum_and_count() -> None:
    """
    What a bucket counts is at most its bound.
    """
    got = scrape(some_books())
    labels = {"endpoint": "GET /users/{id}", "side": "old", "role": "live"}
    buckets = {bound: got[series("parallax_request_seconds_bucket", **labels, le=str(bound))] for bound in SECONDS}

    assert [bound for bound, count in buckets.items() if count] == [bound for bound in SECONDS if bound >= 0.003]
    assert got[series("parallax_request_seconds_bucket", **labels, le="+Inf")] == 1
    assert got[series("parallax_request_seconds_count", **labels)] == 1
    assert got[series("parallax_request_seconds_sum", **labels)] == pytest.approx(0.003)


def test_the_difference_histogram_has_buckets_on_both_sides_of_zero_and_no_sum() -> None:
    """
    Buckets only: OpenMetrics allows neither sum nor count beside negative buckets.
    """
    got = scrape(some_books())
    labels = {"endpoint": "GET /users/{id}", "live": "old"}
    buckets = {
        bound: got[series("parallax_latency_difference_seconds_bucket", **labels, le=str(bound))] for bound in DELTAS
    }

    assert [bound for bound, count in buckets.items() if count] == [bound for bound in DELTAS if bound >= -0.0004]
    assert got[series("parallax_latency_difference_seconds_bucket", **labels, le="+Inf")] == 1
    assert not any(name == "parallax_latency_difference_seconds_sum" for name, _ in got)


def test_nothing_counted_yet_is_a_valid_answer() -> None:
    """
    The first scrape comes before the first request.
    """
    got = scrape(Books())

    assert got[series("parallax_killed")] == 0
    assert not any(name.endswith("_total") for name, _ in got)


def test_labels_survive_whatever_an_operator_called_an_endpoint() -> None:
    """
    Quotes, line ends and other scripts in a configured name can't break the format.
    """
    books = Books()
    name = 'GET /a"b\\c\nd/é'
    books.page(name).eligible[OLD] += 1

    assert scrape(books)[series("parallax_eligible_total", endpoint=name, live="old")] == 1


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "text/plain; version=0.0.4"),
        ("text/html", "text/plain; version=0.0.4"),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4", "application/openmetrics-text"),
        ("application/openmetrics-text;version=nonsense", "text/plain; version=0.0.4"),
    ],
)
def test_the_format_is_what_the_scraper_accepts(accept: str, expected: str) -> None:
    """
    OpenMetrics for who asks for it, the text format for everybody else, whatever the header holds.
    """
    registry = CollectorRegistry()
    registry.register(BooksCollector(lambda: exposed(some_books())))
    body, content_type = render(registry, accept)

    assert content_type.startswith(expected)
    assert (b"# EOF" in body) == content_type.startswith("application/openmetrics-text")
