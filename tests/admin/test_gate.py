"""
Who may ask: Host, Origin, token, role; and what the audit is told of those who may not.
"""

from dataclasses import replace

import pytest

from proxy.admin.gate import Access, Asked, Denied, Gate, Note
from proxy.admin.steering import Who
from proxy.admin.throttle import ALLOWED, WINDOW
from proxy.admin.token import held
from proxy.link.setup import Token

OPERATOR, VIEWER, WRONG = ("plx_" + letter * 43 for letter in "ovw")
OPS = held(OPERATOR, name="ops", role="operator")
DASH = held(VIEWER, name="dash", role="viewer")


def a_gate(*, hosts: tuple[str, ...] = ("parallax.example.com",), encrypted: bool = False) -> Gate:
    return Gate(Access(tokens=(OPS, DASH), hosts=hosts, encrypted=encrypted))


def asked(token: str | None = OPERATOR, method: str = "POST", **changes: object) -> Asked:
    """
    A request to kill from 192.0.2.7, or as `changes` say.
    """
    usual = Asked(
        what="POST /admin/kill",
        method=method,
        changes=method not in {"GET", "HEAD"},
        peer="192.0.2.7",
        hosts=("127.0.0.1:9900",),
        origins=(),
        credentials=() if token is None else (f"Bearer {token}",),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def denied(judged: Token | Denied) -> Denied:
    assert isinstance(judged, Denied)
    return judged


def test_a_right_token_is_let_in_by_its_role() -> None:
    """
    Operators change, viewers read.
    """
    gate = a_gate()

    assert gate.judge(asked(), 0) == OPS
    assert gate.judge(asked(method="GET"), 0) == OPS
    assert gate.judge(asked(VIEWER, "GET"), 0) == DASH
    assert gate.judge(asked(VIEWER, "HEAD"), 0) == DASH


def test_a_viewer_may_not_change_and_the_audit_names_him() -> None:
    """
    403, with what would be right.
    """
    turned = denied(a_gate().judge(asked(VIEWER), 0))

    assert turned.status == 403
    assert "use one with the role operator" in turned.said
    assert turned.notes == (
        Note(
            who=Who(name="dash", role="viewer", peer="192.0.2.7"),
            action="refused",
            reason="POST /admin/kill: the role is too low",
        ),
    )


def test_without_a_token_one_is_asked_for() -> None:
    """
    401 names the way; reading without a token is no event, changing without is.
    """
    gate = a_gate()
    reading = denied(gate.judge(asked(None, "GET"), 0))
    changing = denied(gate.judge(asked(None), 0))

    assert (reading.status, reading.headers) == (401, {"WWW-Authenticate": 'Bearer realm="parallax"'})
    assert reading.notes == ()
    assert changing.status == 401
    assert [(note.who.name, note.action, note.reason) for note in changing.notes] == [
        ("nobody", "refused", "POST /admin/kill: no token")
    ]


@pytest.mark.parametrize(
    "credentials",
    [
        (f"Bearer {WRONG}",),
        (f"Bearer {OPERATOR}x",),
        (f"Basic {OPERATOR}",),
        (OPERATOR,),
        ("Bearer",),
        ("",),
        (f"Bearer {OPERATOR}", f"Bearer {OPERATOR}"),
        (f"Bearer {OPERATOR}, Bearer {VIEWER}",),
        (f"Bearer {OPS.sha256}",),
    ],
)
def test_whatever_is_no_token_of_somebodys_is_a_failed_sign_in(credentials: tuple[str, ...]) -> None:
    """
    Also two at once, and the hash instead of the token; the audit gets one line that quotes nothing.
    """
    turned = denied(a_gate().judge(asked(credentials=credentials, method="GET"), 0))

    assert turned.status == 401
    assert 'error="invalid_token"' in turned.headers["WWW-Authenticate"]
    assert [(note.who.name, note.who.peer, note.action) for note in turned.notes] == [
        ("nobody", "192.0.2.7", "sign_in_failed")
    ]
    assert "plx_" not in str(turned)


def test_who_guesses_has_to_wait_and_who_knows_never() -> None:
    """
    Ten failures a minute from one address; a right token from there is taken at any time, or anybody could lock us out.
    """
    gate = a_gate()
    statuses = [denied(gate.judge(asked(WRONG), second)).status for second in range(ALLOWED + 2)]
    waiting = denied(gate.judge(asked(WRONG), 20))

    assert statuses == [401] * ALLOWED + [429, 429]
    assert waiting.headers == {"Retry-After": "40"}
    assert gate.judge(asked(), 20) == OPS
    assert denied(gate.judge(asked(WRONG, peer="192.0.2.8"), 20)).status == 401
    assert denied(gate.judge(asked(None), 20)).status == 401
    assert denied(gate.judge(asked(WRONG), WINDOW + 1)).status == 401


def test_the_audit_counts_what_it_has_no_line_for() -> None:
    """
    Everything is told, and no flood of it.
    """
    gate = a_gate()
    told = [note.reason for second in range(40) for note in denied(gate.judge(asked(WRONG), second)).notes]
    refused = [note.reason for second in range(7) for note in denied(gate.judge(asked(None), second)).notes]
    later = gate.due(WINDOW + 1)

    assert told == ["POST /admin/kill: a token that nobody has"]
    assert refused == ["POST /admin/kill: no token"]
    assert gate.due(WINDOW + 1) == ()
    assert [(note.who.peer, note.action, note.reason) for note in later] == [
        ("192.0.2.7", "sign_in_failed", "a token that nobody has; 39 in all since the last line of this address"),
        ("192.0.2.7", "refused", "a change; 6 in all since the last line of this address"),
    ]


def test_foreign_hosts_and_origins_are_turned_away_before_the_token_is_looked_at() -> None:
    """
    A page in somebody's browser has no business here, whoever's token it has got hold of.
    """
    gate = a_gate()
    for changes in (
        {"hosts": ("evil.example",)},
        {"hosts": ()},
        {"hosts": ("127.0.0.1", "127.0.0.1")},
        {"origins": ("http://evil.example",)},
        {"origins": ("http://127.0.0.1:9900", "http://evil.example")},
        {"origins": ("null",)},
    ):
        turned = denied(gate.judge(asked(**changes), 0))
        assert turned.status == 403, changes
    assert gate.judge(asked(origins=("http://127.0.0.1:9900",)), 0) == OPS
    assert gate.judge(asked(hosts=("Parallax.Example.com",)), 0) == OPS
    assert len(gate.due(WINDOW + 1)) == 1
    assert denied(a_gate(encrypted=True).judge(asked(origins=("http://127.0.0.1:9900",)), 0)).status == 403


def test_other_access_counts_from_the_next_request_on() -> None:
    """
    A token that was taken away, and a name that was added.
    """
    gate = a_gate(hosts=())
    gate.access = Access(tokens=(DASH,), hosts=("ops",))

    assert denied(gate.judge(asked(), 0)).status == 401
    assert gate.judge(asked(VIEWER, "GET", hosts=("ops:9900",)), 0) == DASH
