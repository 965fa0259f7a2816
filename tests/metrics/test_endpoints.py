"""
Endpoints are found again, bounded and printable, whatever bytes a path holds.
"""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.metrics.endpoints import DEPTH, LENGTH, METHODS, Known, template

METHOD = st.sampled_from(sorted(METHODS)) | st.sampled_from(["FOO", "get", "OTHER", ""]) | st.text(max_size=5)
SEGMENT = st.one_of(
    st.sampled_from(["users", "me", "42", "{id}", "{name}", "{path}", "{user}", "", ".", "..", "a%20b", "deadbeef1"]),
    st.text(alphabet=string.ascii_letters + string.digits + "-._~", max_size=60),
    st.text(alphabet=st.characters(codec="latin-1"), max_size=30),
)
PATH = st.one_of(
    st.lists(SEGMENT, min_size=1, max_size=DEPTH + 6).map(lambda segments: "/" + "/".join(segments)),
    st.sampled_from(["*", "", "/", "example.org:443", "http://example.org/x"]),
    st.text(max_size=300),
)
PRINTABLE = frozenset(string.ascii_letters + string.digits + "{}._~:$*/- ")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "GET /"),
        ("/users", "GET /users"),
        ("/users/", "GET /users/"),
        ("/users/42", "GET /users/{id}"),
        ("/users/-42.5?full=1", "GET /users/{id}"),
        ("/Users/me", "GET /Users/me"),
        ("/v1/items/550e8400-e29b-41d4-a716-446655440000", "GET /v1/items/{id}"),
        ("/v1/items/550E8400-E29B-41D4-A716-446655440000/tags", "GET /v1/items/{id}/tags"),
        ("/blobs/da39a3ee5e6b4b0d3255bfef95601890afd80709", "GET /blobs/{id}"),
        ("/blobs/" + "0af9" * 32, "GET /blobs/{id}"),
        ("/commits/a1b2c3d", "GET /commits/{id}"),
        ("/cafe/facade/defaced", "GET /cafe/facade/defaced"),
        ("/days/2024-01-31", "GET /days/{id}"),
        ("/days/2024-01-31T12:00:00Z", "GET /days/{id}"),
        ("/days/2024-01/report.pdf", "GET /days/{id}/report.pdf"),
        ("/keys/sk_live_51H8xYzabc0", "GET /keys/{id}"),
        ("/tags/caf%C3%A9", "GET /tags/{name}"),
        ("/people/bob@example.org", "GET /people/{name}"),
        ("/cart;jsessionid=8F3A", "GET /{name}"),
        ("/titles/" + "a-very-long-title-" * 3, "GET /titles/{name}"),
        ("/users:batchGet", "GET /users:batchGet"),
        ("/odata/$metadata", "GET /odata/$metadata"),
        ("/users/{id}", "GET /users/{id}"),
        ("/users/{anything}", "GET /users/{name}"),
        ("/{path}/x", "GET /{name}/x"),
        ("//a", "GET //a"),
        ("", "GET /"),
        ("*", "GET *"),
        ("example.org:443", "GET {name}"),
        ("/a" * DEPTH, "GET " + "/a" * DEPTH),
        ("/a" * (DEPTH + 1), "GET " + "/a" * (DEPTH - 1) + "/{path}"),
        ("/a" * 4000, "GET " + "/a" * (DEPTH - 1) + "/{path}"),
    ],
)
def test_template_tells_names_of_resources_from_values(path: str, expected: str) -> None:
    """
    Numbers, UUIDs, hashes and dates become `{id}`, other data `{name}`, too deep a rest `{path}`; words stay.
    """
    assert template("GET", path) == expected


@pytest.mark.parametrize("method", ["FOO", "get", "", "M-SEARCH"])
def test_methods_that_are_no_methods_share_one_endpoint(method: str) -> None:
    """
    A client can't make labels by inventing methods.
    """
    assert template(method, "/x") == "OTHER /x"
    assert Known(["OTHER /x"]).find(method, "/x") == "OTHER /x"


@given(METHOD, PATH)
def test_templates_are_bounded_printable_and_their_own_template(method: str, path: str) -> None:
    """
    Whatever comes: short, ASCII without quotes or line ends, and stable when applied again.
    """
    endpoint = template(method, path)
    own_method, _, own_path = endpoint.partition(" ")

    assert len(endpoint) <= LENGTH
    assert own_path.count("/") <= DEPTH
    assert set(endpoint) <= PRINTABLE
    assert template(own_method, own_path) == endpoint


@given(METHOD, PATH)
def test_a_template_finds_the_request_that_it_was_made_of(method: str, path: str) -> None:
    """
    Once learned, an endpoint counts the request that taught it, with any query, and the path of the template itself.
    """
    endpoint = template(method, path)
    known = Known([endpoint])

    assert known.find(method, path) == endpoint
    assert known.find(method, path + "?a=/b/c") == endpoint
    assert known.find(*endpoint.partition(" ")[::2]) == endpoint


@given(st.lists(st.tuples(METHOD, PATH), max_size=12), METHOD, PATH)
def test_finding_among_many_never_invents_an_endpoint(seen: list[tuple[str, str]], method: str, path: str) -> None:
    """
    The answer is on the list or None, and a request whose own template is on the list is always found.
    """
    listed = [template(*request) for request in seen]
    found = Known(listed).find(method, path)

    assert found is None or found in listed
    assert found is not None or template(method, path) not in listed


def test_literal_segments_win_over_placeholders() -> None:
    """
    `/users/me` is its own endpoint beside `/users/{id}`, and a dead end behind a literal is walked back.
    """
    known = Known(["GET /users/{id}", "GET /users/me", "GET /users/{name}/orders", "GET /users/{path}"])

    assert known.find("GET", "/users/me") == "GET /users/me"
    assert known.find("GET", "/users/42") == "GET /users/{id}"
    assert known.find("GET", "/users/me/orders") == "GET /users/{name}/orders"
    assert known.find("GET", "/users/42/orders") == "GET /users/{name}/orders"
    assert known.find("GET", "/users/42/orders/7") == "GET /users/{path}"
    assert known.find("GET", "/users") is None
    assert known.find("POST", "/users/42") is None


def test_a_learned_id_leaves_words_to_be_learned() -> None:
    """
    Which of `/users/42` and `/users/me` came first must not decide how `/users/me` is counted.
    """
    assert Known(["GET /users/{id}"]).find("GET", "/users/me") is None


def test_a_configured_placeholder_matches_any_value() -> None:
    """
    "GET /users/{id}" in the configuration means every user, however they are called, and wins over what was learned.
    """
    known = Known(["GET /users/{name}", "GET /users/{id}/orders"], ["GET /users/{id}", "GET /files/{path}"])

    assert known.find("GET", "/users/bob@example.org") == "GET /users/{id}"
    assert known.find("GET", "/users/caf%C3%A9?x") == "GET /users/{id}"
    assert known.find("GET", "/users/42/orders") == "GET /users/{id}/orders"
    assert known.find("GET", "/users/bob/orders") is None
    assert known.find("GET", "/files/a/b/c") == "GET /files/{path}"
    assert known.find("GET", "/files") is None


def test_no_placeholder_takes_an_empty_segment() -> None:
    """
    "/users/" is the collection, not a user without a name.
    """
    known = Known(["GET /users/{name}"], ["GET /items/{item}"])

    assert known.find("GET", "/users/") is None
    assert known.find("GET", "/items/") is None


def test_a_path_of_many_segments_matches_no_shorter_endpoint() -> None:
    """
    A last `{name}` takes one segment, however the path is cut for speed.
    """
    known = Known(["GET /a/{name}"])

    assert known.find("GET", "/a/b") == "GET /a/{name}"
    assert known.find("GET", "/a/b/c") is None
    assert known.find("GET", "/a/b" + "/c" * 3000) is None
