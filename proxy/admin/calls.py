"""
The calls of the admin port, as a table: routes, the index and the OpenAPI document are all made from it. Pure.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

NUMBER = re.compile(r"[0-9]{1,16}", re.ASCII)
LARGEST_ID: Final = 2**53 - 1  # what every JSON reader can tell from its neighbours


class BadQuery(ValueError):
    """
    The sender's fault; the text is for the sender, and repeats nothing that was sent.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """
    One parameter of a query; a whole number from 1 to `largest`, or any text where that is None.
    """

    name: str
    says: str
    largest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """
    One call. `name` is its handler's and its operationId, `answers` the schema or media type of a 200; `takes` the
    schema of its body for one that changes something, and `refusals` the statuses it has besides everybody's. In its
    path `{id}` stands for any one segment.
    """

    method: str
    path: str
    name: str
    says: str
    answers: str
    parameters: tuple[Parameter, ...] = ()
    takes: str | None = None
    refusals: tuple[int, ...] = ()


TEXT: Final = "text/plain"
EVENTS: Final = "text/event-stream"
KINDS: Final = ("weights", "workers", "plan", "audit", "divergence", "reload", "noise", "lagged")  # of events

# Probes and scrapers come without a token, by address or by whatever name the cluster gives; they tell no secrets.
OPEN: Final = frozenset({"/healthz", "/readyz", "/metrics"})
# Needs no token either, but an own Host: it says what there is to ask, nothing of the system.
INDEX: Final = "/"

# What there is to do with a plan, and what each does.
MOVES: Final = {
    "start": "begin the plan, if all that must be so before is so",
    "approve": "agree that the present stage is left",
    "hold": "stay where it is until resume",
    "resume": "go on, or open again a route or cohort that went back by itself",
    "advance": "leave the present stage, all of whose gates have passed",
    "rollback": "go back, at once: to the stage before or a named one, or with one route or cohort",
    "abort": "end the plan: old answers everybody, nothing is copied",
    "tick": "look now instead of in a second",
    "amend": "go on by another text of the plan: later stages, people and words may change",
    "force": "leave the present stage whatever its gates say; two people have to agree",
    "check": "a line of a checklist is done",
    "sign": "a reviewer agrees with this plan",
}

CALLS: Final = (
    Call(method="GET", path="/", name="index", says="the calls there are", answers=TEXT),
    Call(method="GET", path="/healthz", name="healthz", says="for probes: this process runs", answers=TEXT),
    Call(
        method="GET",
        path="/readyz",
        name="readyz",
        says="for probes: at least one worker accepts requests",
        answers=TEXT,
        refusals=(503,),
    ),
    Call(method="GET", path="/metrics", name="metrics", says="for Prometheus", answers=TEXT),
    Call(
        method="GET",
        path="/admin/weights",
        name="get_weights",
        says="who is on new, what is copied, which worker routes by what",
        answers="Weights",
        refusals=(503,),
    ),
    Call(
        method="PUT",
        path="/admin/weights",
        name="put_weights",
        says="change new or mirror; keys that are left out stay",
        answers="Weights",
        takes="Change",
        refusals=(409, 422, 503, 507),
    ),
    Call(
        method="POST",
        path="/admin/kill",
        name="kill",
        says="everything to old and nothing copied, at once, until restore",
        answers="Weights",
        takes="Reason",
        refusals=(422, 503),
    ),
    Call(
        method="POST",
        path="/admin/restore",
        name="restore",
        says="lift the kill: what is stored is in force again",
        answers="Weights",
        takes="Reason",
        refusals=(409, 422, 503, 507),
    ),
    Call(
        method="POST",
        path="/admin/reload",
        name="reload",
        says="read the configuration again",
        answers="Weights",
        takes="Reason",
        refusals=(422, 503),
    ),
    Call(
        method="GET",
        path="/admin/audit",
        name="get_audit",
        says="who did what, when and why, newest first",
        answers="Audit",
        parameters=(
            Parameter(name="limit", says="at most so many lines; 100 if left out", largest=1000),
            Parameter(name="before", says="only lines with a smaller id", largest=LARGEST_ID),
        ),
        refusals=(503,),
    ),
    Call(
        method="GET",
        path="/admin/endpoints",
        name="get_endpoints",
        says="counts and latencies by endpoint, the most divergent first",
        answers="Endpoints",
    ),
    Call(
        method="GET",
        path="/admin/divergences",
        name="get_divergences",
        says="what differs, by signature, the worst first",
        answers="Divergences",
        parameters=(
            Parameter(name="endpoint", says="only of this endpoint, such as GET /users/{id}"),
            Parameter(name="severity", says="only signatures of this severity: status, shape, value, order, header"),
        ),
        refusals=(503,),
    ),
    Call(
        method="GET",
        path="/admin/divergences/{id}",
        name="get_divergence",
        says="one signature with its samples, secrets taken out",
        answers="Divergence",
        parameters=(Parameter(name="limit", says="at most so many samples; 5 if left out", largest=20),),
        refusals=(404, 503),
    ),
    Call(
        method="GET",
        path="/admin/divergences/{id}/affected",
        name="get_affected",
        says="digests of the sticky keys that a signature has hit",
        answers="Affected",
        parameters=(Parameter(name="limit", says="at most so many; 100 if left out", largest=1000),),
        refusals=(503,),
    ),
    Call(
        method="GET",
        path="/admin/rules",
        name="get_rules",
        says="what each rule of the comparison has met and hidden, and which do nothing",
        answers="Rules",
    ),
    Call(
        method="GET",
        path="/admin/waivers",
        name="get_waivers",
        says="signatures that somebody accepts, until when and why",
        answers="Waivers",
    ),
    Call(
        method="POST",
        path="/admin/waivers",
        name="waive",
        says="accept a signature until a date",
        answers="Waiver",
        takes="Waive",
        refusals=(404, 422, 503, 507),
    ),
    Call(
        method="POST",
        path="/admin/waivers/{id}/remove",
        name="remove_waiver",
        says="end a waiver before its time",
        answers="Waiver",
        takes="Remove",
        refusals=(404, 422, 503, 507),
    ),
    Call(
        method="GET",
        path="/admin/noise",
        name="get_noise",
        says="where old differs from itself, how often, and whether new differs there more",
        answers="Noise",
        refusals=(503,),
    ),
    Call(
        method="POST",
        path="/admin/noise/freeze",
        name="freeze_noise",
        says="make what is known the baseline: learn nothing more",
        answers="Noise",
        takes="Decision",
        refusals=(422, 503, 507),
    ),
    Call(
        method="POST",
        path="/admin/noise/learn",
        name="learn_noise",
        says="learn again, for as long as noise.learn_for says",
        answers="Noise",
        takes="Decision",
        refusals=(422, 503, 507),
    ),
    Call(
        method="POST",
        path="/admin/noise/accept",
        name="accept_noise",
        says="places that are proposed or accused are noise",
        answers="Noise",
        takes="Places",
        refusals=(404, 422, 503, 507),
    ),
    Call(
        method="POST",
        path="/admin/noise/forget",
        name="forget_noise",
        says="places are no noise",
        answers="Noise",
        takes="Places",
        refusals=(404, 422, 503, 507),
    ),
    Call(
        method="GET",
        path="/admin/plan",
        name="get_plan",
        says="where the plan is, what its gates and guards say, who is waited for",
        answers="Plan",
        parameters=(Parameter(name="history", says="`all` for the whole history; the last 100 lines if left out"),),
        refusals=(404, 503),
    ),
    *(
        Call(
            method="POST",
            path=f"/admin/plan/{name}",
            name=f"{name}_plan",
            says=says,
            answers="Plan",
            takes=f"{name.capitalize()}Plan",
            refusals=(404, 409, 422, 503, 507),
        )
        for name, says in MOVES.items()
    ),
    Call(
        method="GET",
        path="/admin/events",
        name="get_events",
        says="the state, and all changes of it as they come, as server-sent events",
        answers=EVENTS,
        refusals=(503,),
    ),
    Call(
        method="GET",
        path="/admin/openapi.json",
        name="get_openapi",
        says="this API for programs (OpenAPI 3.1)",
        answers="OpenApi",
    ),
)

PLAIN: Final = frozenset(call.path for call in CALLS if "{" not in call.path)
TEMPLATES: Final = {
    call.path: re.compile(re.escape(call.path).replace(r"\{id\}", "[^/]+")) for call in CALLS if "{" in call.path
}


def template_of(path: str) -> str | None:
    """
    The path of the table that a request's path is one of; None when there is none.
    """
    if path in PLAIN:
        return path
    return next((template for template, pattern in TEMPLATES.items() if pattern.fullmatch(path)), None)


def methods_of(path: str) -> tuple[str, ...]:
    """
    What may be asked at a path; HEAD wherever GET may. Empty for a path that isn't there.
    """
    template = template_of(path)
    known = {call.method for call in CALLS if call.path == template}
    return tuple(sorted(known | ({"HEAD"} if "GET" in known else set())))


def is_change(path: str, method: str) -> bool:
    """
    Is a request meant to change something? By its method, or because there is nothing to read at its path.
    """
    known = methods_of(path)
    return method not in {"GET", "HEAD", "OPTIONS"} or (bool(known) and "GET" not in known)


def parse_query(call: Call, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """
    A query's values by name. Raises `BadQuery`: a parameter that has no effect would be a filter that is believed in.
    """
    known = {parameter.name: parameter for parameter in call.parameters}
    values: dict[str, str] = {}
    for name, value in pairs:
        parameter = known.get(name)
        if parameter is None:
            takes = ", ".join(known) if known else "none"
            raise BadQuery(f"the query has a parameter that this call doesn't take; it takes {takes}")
        if name in values:
            raise BadQuery(f"the query has {name} twice; send it once")
        if parameter.largest is not None and not (NUMBER.fullmatch(value) and 1 <= int(value) <= parameter.largest):
            raise BadQuery(f"{name} is a whole number from 1 to {parameter.largest}")
        values[name] = value
    return values


def index() -> str:
    """
    The text of `GET /`.
    """
    lines = [f"{call.method:<4} {call.path:<31} {call.says}" for call in CALLS if call.path != INDEX]
    return "\n".join(["Parallax admin API", "", *lines, ""])
