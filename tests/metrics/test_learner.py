"""
The list of endpoints stays bounded and useful whatever workers offer.
"""

from hypothesis import given
from hypothesis import strategies as st

from proxy.metrics.endpoints import DEPTH, LENGTH, Known, template
from proxy.metrics.learner import VALUES, Learner
from tests.metrics.test_endpoints import METHOD, PATH


def test_what_is_offered_is_listed_once() -> None:
    """
    The first offer changes the list, the same again does not.
    """
    learner = Learner()

    assert learner.offer(["GET /users/{id}", "GET /users"])
    assert not learner.offer(["GET /users", "GET /users/{id}"])
    assert learner.endpoints == ("GET /users/{id}", "GET /users")


def test_configured_endpoints_are_listed_and_cover_what_they_match() -> None:
    """
    An operator's names come first and are not learned again under another.
    """
    learner = Learner(["GET /users/{user}"])

    assert not learner.offer(["GET /users/{id}", "GET /users/bob"])
    assert learner.offer(["GET /users/{id}/orders"])
    assert learner.endpoints == ("GET /users/{user}", "GET /users/{id}/orders")


def test_a_position_with_too_many_values_becomes_a_parameter() -> None:
    """
    The value after the twentieth turns all of them into `{name}`, for every method and whatever follows; later values
    join it.
    """
    learner = Learner()
    learner.offer(f"GET /tags/tag-{chr(97 + index)}" for index in range(VALUES))

    assert len(learner.endpoints) == VALUES
    assert learner.offer(["POST /tags/tag-z/items"])
    assert learner.endpoints == ("GET /tags/{name}", "POST /tags/{name}/items")
    assert not learner.offer(["GET /tags/another", "POST /tags/another/items"])
    assert learner.offer(["PUT /tags/another"])
    assert "PUT /tags/{name}" in learner.endpoints


def test_ids_and_other_parents_are_left_alone_by_a_collapse() -> None:
    """
    Only the literal segments below the crowded parent go.
    """
    learner = Learner()
    learner.offer(["GET /tags/{id}", "GET /tags", "GET /other/x"])
    learner.offer(f"GET /tags/{'x' * (index + 1)}" for index in range(VALUES + 1))

    assert learner.endpoints == ("GET /tags/{id}", "GET /tags", "GET /other/x", "GET /tags/{name}")


def test_a_collapse_can_crowd_the_level_below() -> None:
    """
    When merging parents brings too many children together, those collapse as well.
    """
    learner = Learner()
    learner.offer(f"GET /{parent * 3}/{child * 3}" for parent in "abcdefg" for child in ("xy"))
    learner.offer(f"GET /{parent * 3}/{parent * 2}x" for parent in "hijklmnopqrstuvwxyzabcdefg")

    assert learner.endpoints == ("GET /{name}/{name}",)


def test_names_that_left_the_list_still_use_up_the_limit() -> None:
    """
    Their series exist, so the number of series stays bounded by the names ever issued.
    """
    learner = Learner(limit=VALUES + 2)
    learner.offer(f"GET /tags/{'x' * (index + 1)}" for index in range(VALUES + 1))

    assert learner.endpoints == ("GET /tags/{name}",)
    assert learner.offer(["GET /one"])
    assert not learner.offer(["GET /two"])


def test_a_collapse_that_would_pass_the_limit_does_not_happen() -> None:
    """
    Names that are counted now are not given up for one that can't be issued.
    """
    learner = Learner(limit=VALUES)
    learner.offer(f"GET /tags/{'x' * (index + 1)}" for index in range(VALUES))

    assert not learner.offer(["GET /tags/one-more"])
    assert len(learner.endpoints) == VALUES


def test_a_restarted_control_takes_over_the_list_and_the_limit() -> None:
    """
    Names listed before stay; names that only have counters are not listed, yet count.
    """
    learner = Learner(["GET /mine/{user}"], limit=5)
    learner.restore(["GET /mine/{id}", "GET /tags/{name}", "nonsense", "GET /a"])
    learner.remember(["other", "GET /tags/gone"])

    assert learner.endpoints == ("GET /mine/{user}", "GET /tags/{name}", "GET /a")
    assert not learner.offer(["GET /tags/zed"])
    assert learner.offer(["GET /tags/zed/items"])
    assert "GET /tags/{name}/items" in learner.endpoints
    assert not learner.offer(["GET /b"])


@given(st.lists(st.lists(st.builds(template, METHOD, PATH) | st.text(max_size=40), max_size=8), max_size=12))
def test_the_list_is_bounded_whatever_is_offered(batches: list[list[str]]) -> None:
    """
    Never more names than the limit, over the whole life; each bounded in depth and length, and its own template.
    """
    limit = 30
    learner = Learner(["GET /configured/{any}"], limit)
    issued: set[str] = set()
    for batch in batches:
        before = learner.endpoints
        changed = learner.offer(batch)
        issued.update(learner.endpoints)

        assert changed == (learner.endpoints != before)
        assert learner.endpoints[0] == "GET /configured/{any}"
    learned = learner.endpoints[1:]

    assert len(issued) <= limit
    for endpoint in learned:
        method, _, path = endpoint.partition(" ")
        assert len(endpoint) <= LENGTH
        assert path.count("/") <= DEPTH
        assert template(method, path) == endpoint


@given(st.lists(st.tuples(METHOD, PATH), max_size=60))
def test_what_was_learned_is_found_and_the_list_settles(requests: list[tuple[str, str]]) -> None:
    """
    With room enough, workers that offer what they don't know soon have nothing to offer.
    """
    learner = Learner(limit=10_000)
    for _ in range(2):
        for request in requests:
            if Known(learner.endpoints).find(*request) is None:
                learner.offer([template(*request)])

    known = Known(learner.endpoints)

    assert all(known.find(*request) is not None for request in requests)
