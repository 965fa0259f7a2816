"""
The admin API as an OpenAPI 3.1 document, made from the table of calls. Pure.

Its schemas name what the contract promises; answers may have more keys. Tests hold real answers against them.
"""

from typing import Any, Final

from proxy import __version__
from proxy.admin.calls import CALLS, EVENTS, INDEX, KINDS, OPEN, TEXT, Call, Parameter
from proxy.admin.changes import LONGEST_REASON
from proxy.admin.plan import NEEDED, SAYS_WHY, TAKES
from proxy.compare.difference import SEVERITY_NAMES
from proxy.metrics.books import UNPAIRED, VERDICTS

Schema = dict[str, Any]

JSON: Final = "application/json"
STATUSES: Final = {
    400: "the request can't be used: its query, or a body that is no JSON object",
    401: "no token, or one that nobody has",
    403: "the token may only read, or isn't of whom the plan names, or the request came from a foreign Host or page",
    404: "what is asked about isn't known",
    408: "the body took too long",
    409: "the epoch, or the plan's seq, is stale, or it can't be done as things are",
    413: "the body is over 64 KiB",
    415: "the body is not application/json",
    422: "a value can't be used; `key` names it",
    429: "too many failed sign-ins from this address; Retry-After says how long",
    503: "not now; ask again",
    507: "it could not be saved, so it was not done",
}
OF_ALL: Final = (400, 401, 403, 429)
OF_CHANGES: Final = (408, 413, 415)
DESCRIPTION: Final = (
    "HEAD may be asked wherever GET may. Changes are JSON objects of at most 64 KiB, sent as application/json. Errors "
    f"have one sentence in `error`. Events of /admin/events: {', '.join(KINDS)}; their ids grow, and `lagged` is the "
    "last that a slow reader gets."
)


def document() -> dict[str, Any]:
    """
    The whole document.
    """
    paths: dict[str, dict[str, Any]] = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Parallax admin API", "version": __version__, "description": DESCRIPTION},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": SCHEMAS,
        },
    }


def _operation(call: Call) -> dict[str, Any]:
    is_open = call.path in OPEN or call.path == INDEX
    refusals = set(call.refusals)
    if not is_open:
        refusals.update(OF_ALL)
    if call.takes is not None:
        refusals.update(OF_CHANGES)
    answers = {"200": _answer("as asked", call.answers)}
    if call.takes is not None and call.answers == "Weights":
        answers["202"] = _answer("done, but the workers named in `lagging` have not acknowledged it yet", call.answers)
    # Of the open calls, /readyz says in plain words why not.
    answers |= {str(status): _answer(STATUSES[status], TEXT if is_open else "Error") for status in sorted(refusals)}
    operation: dict[str, Any] = {"operationId": call.name, "summary": call.says, "responses": answers}
    parameters = [_parameter(parameter) for parameter in call.parameters]
    if "{id}" in call.path:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": {"type": "string"}})
    if parameters:
        operation["parameters"] = parameters
    if call.takes is not None:
        operation["requestBody"] = {"required": True, "content": _content(call.takes)}
    if is_open:
        operation["security"] = []
    return operation


def _answer(says: str, what: str) -> dict[str, Any]:
    return {"description": says, "content": _content(what)}


def _content(what: str) -> dict[str, Any]:
    if what in {TEXT, EVENTS}:
        return {what: {"schema": {"type": "string"}}}
    return {JSON: {"schema": {"$ref": f"#/components/schemas/{what}"}}}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: Schema = {"type": "string"}
    if parameter.largest is not None:
        schema = {"type": "integer", "minimum": 1, "maximum": parameter.largest}
    return {"name": parameter.name, "in": "query", "description": parameter.says, "schema": schema}


# What the schemas are made of...

TEXTUAL: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
PERCENT: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 100}
ANY_OBJECT: Final[Schema] = {"type": "object"}


def _object(needed: dict[str, Schema], other: dict[str, Schema] | None = None) -> Schema:
    return {"type": "object", "properties": {**needed, **(other or {})}, "required": list(needed)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _by_name(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def _by_side(schema: Schema) -> Schema:
    return _object({"old": schema, "new": schema})


def _says(schema: Schema, says: str) -> Schema:
    return {**schema, "description": says}


WORKER: Final = _object(
    {"id": TEXTUAL, "epoch": _or_null(COUNT), "config": _or_null(TEXTUAL), "killed": FLAG, "lagging": FLAG},
    {
        "breaker_open": _by_side(FLAG),
        "ejected": _by_side(FLAG),
        "shadow_memory": COUNT,
        "connections": COUNT,
        "inflight": COUNT,
        "brownout": FLAG,
    },
)
ENTRY: Final = _object(
    {
        "id": COUNT,
        "at": _says(TEXTUAL, "UTC, ISO 8601"),
        "actor": TEXTUAL,
        "role": TEXTUAL,
        "peer": TEXTUAL,
        "action": TEXTUAL,
        "reason": TEXTUAL,
        "before": {},
        "after": {},
        "epoch": COUNT,
        "previous": _says(TEXTUAL, "the hash of the line before this one"),
        "hash": _says(TEXTUAL, "SHA-256 of `previous` and this line"),
    }
)
LATENCY: Final = _or_null(
    _object({"count": COUNT, "p50": _or_null({"type": "number"}), "p99": _or_null({"type": "number"})})
)
QUANTILES: Final = _object({"p50": {"type": "number"}, "p99": {"type": "number"}})
PAIRED: Final = _or_null(
    _object(
        {
            "pairs": COUNT,
            "difference_ms": _says(QUANTILES, "new minus old"),
            "ratio": _says(QUANTILES, "new divided by old"),
        }
    )
)
ENDPOINT: Final = _object(
    {
        "endpoint": TEXTUAL,
        "listed": FLAG,
        "eligible": COUNT,
        "live": _by_side(COUNT),
        "verdicts": _object(dict.fromkeys(VERDICTS, COUNT)),
        "skipped": _by_name(COUNT),
        "failed": _by_side(COUNT),
        "divergence": _or_null({"type": "number", "minimum": 0, "maximum": 1}),
        "rechecked": _says(COUNT, "divergent exchanges of which both sides were asked again"),
        "transient": _says(COUNT, "those of them in which the sides agreed then"),
        "latency_ms": _by_side(LATENCY),
        "connects": _says(_by_side(COUNT), "legs that waited for a new connection"),
        "paired": _says(_by_side(PAIRED), "latencies of new and old in the same exchange, by live side"),
        "unpaired": _says(
            _object(dict.fromkeys(UNPAIRED, COUNT)), "exchanges whose two latencies can't be compared, and why"
        ),
    }
)
PART: Final = _object({"path": TEXTUAL, "kind": TEXTUAL})
NUMBER: Final[Schema] = {"type": "number"}
SIGNATURE: Final[dict[str, Schema]] = {
    "id": _says(TEXTUAL, "16 hexadecimal digits, the same in every run"),
    "endpoint": TEXTUAL,
    "severity": {"type": "string", "enum": list(SEVERITY_NAMES)},
    "parts": _list(PART),
    "first": _says(NUMBER, "Unix time"),
    "last": _says(NUMBER, "Unix time"),
    "count": COUNT,
    "rechecked": _says(COUNT, "pairs of which both sides were asked again"),
    "transient": _says(COUNT, "those of them in which the sides agreed then"),
    "share": _says(_or_null(NUMBER), "of its endpoint's judged pairs since control began; null: none yet"),
    "verdict": TEXTUAL,
    "waived_until": _or_null(TEXTUAL),
}
SAMPLE: Final = _object(
    {"id": TEXTUAL, "at": NUMBER, "signature": TEXTUAL, "endpoint": TEXTUAL, "method": TEXTUAL, "target": TEXTUAL},
    {"old": ANY_OBJECT, "new": ANY_OBJECT, "differences": _list(ANY_OBJECT)},
)
WAIVER: Final = _object(
    {
        "id": COUNT,
        "signature": TEXTUAL,
        "endpoint": TEXTUAL,
        "until": _says(TEXTUAL, "UTC, ISO 8601"),
        "reason": TEXTUAL,
        "by": TEXTUAL,
        "at": TEXTUAL,
        "removed": _or_null(TEXTUAL),
        "holds": FLAG,
    }
)
PLACE: Final = _object(
    {
        "endpoint": TEXTUAL,
        "path": TEXTUAL,
        "kind": TEXTUAL,
        "state": _says(TEXTUAL, "noise, accused, proposed or seen once"),
        "twins": COUNT,
        "rate": _or_null({"type": "number"}),
        "live": COUNT,
        "live_rate": _or_null({"type": "number"}),
        "held": FLAG,
        "since": {"type": "number"},
        "last": {"type": "number"},
        "accused": _or_null({"type": "number"}),
        "expires": {"type": "number"},
    }
)
STAGE: Final = _object(
    {
        "name": TEXTUAL,
        "title": TEXTUAL,
        "success": TEXTUAL,
        "weight": PERCENT,
        "mirror": PERCENT,
        "routes": _by_name(PERCENT),
        "cohorts": _by_name(PERCENT),
        "gates": _list(TEXTUAL),
        "advance": TEXTUAL,
        "state": {"type": "string", "enum": ["passed", "present", "to_come", "rolled_back"]},
    }
)
GATE: Final = _object(
    {
        "gate": TEXTUAL,
        "result": {"type": "string", "enum": ["pass", "fail", "inconclusive", "error"]},
        "sentence": TEXTUAL,
        "n": COUNT,
        "bad": COUNT,
        "budget": _or_null(NUMBER),
        "pass_ratio": _says(NUMBER, "evidence towards passing, as a share of what it takes"),
        "fail_ratio": _says(NUMBER, "evidence towards failing, as a share of what it takes"),
        "needed": _says(_or_null(COUNT), "about so many opportunities more"),
        "eta": _says(_or_null(NUMBER), "seconds until they have come"),
    }
)
PLAN: Final = _object(
    {
        "plan": TEXTUAL,
        "title": TEXTUAL,
        "hash": _says(TEXTUAL, "SHA-256 of what the plan says"),
        "run": TEXTUAL,
        "seq": _says(COUNT, "grows with each transition; send it along, and nothing is done to another state"),
        "phase": {"type": "string", "enum": ["draft", "running", "finished", "aborted"]},
        "stage": TEXTUAL,
        "step": TEXTUAL,
        "held": _says(_or_null(TEXTUAL), "why it holds"),
        "said": TEXTUAL,
        "attempt": COUNT,
        "now": NUMBER,
        "started": NUMBER,
        "since": NUMBER,
        "waiting_for": _list(TEXTUAL),
        "eta": _says(_or_null(NUMBER), "seconds until the stage could be left"),
        "stages": _list(STAGE),
        "gates": _list(GATE),
        "guards": _list(_object({"guard": TEXTUAL, "share": NUMBER, "said": TEXTUAL, "on_trip": TEXTUAL})),
        "checklists": _by_name(_list(ANY_OBJECT)),
        "pins": _list(ANY_OBJECT),
        "approvals": _list(ANY_OBJECT),
        "history": _list(ANY_OBJECT),
    }
)
REASON: Final = _says({"type": "string", "maxLength": LONGEST_REASON}, "why, for those who read the audit")


def _move(name: str) -> Schema:
    """
    The body of a call that moves the plan.
    """
    kinds: dict[str, Schema] = {"ok": FLAG, "seconds": NUMBER}
    taken = {key: kinds.get(key, TEXTUAL) for key in TAKES[name]} | {"reason": REASON, "seq": COUNT}
    needed = {*NEEDED.get(name, ()), *({"reason"} if name in SAYS_WHY else ())}
    return _object(
        {key: kind for key, kind in taken.items() if key in needed},
        {key: kind for key, kind in taken.items() if key not in needed},
    )


SCHEMAS: Final[dict[str, Schema]] = {
    "Weights": _object(
        {
            "epoch": COUNT,
            "old": PERCENT,
            "new": PERCENT,
            "mirror": PERCENT,
            "killed": FLAG,
            "split": _says(FLAG, "data: split: writes stay on old, whatever the shares"),
            "served": _by_side(COUNT),
            "still_on_new": _says(COUNT, "requests in flight that new answers, tunnels too"),
            "routes": _says(_by_name(PERCENT), "new's share of each"),
            "cohorts": _says(_by_name(PERCENT), "new's share of each"),
            "workers": _list(WORKER),
            "warnings": _list(TEXTUAL),
        },
        {"lagging": _says(_list(TEXTUAL), "with 202 only: ids of workers that have not acknowledged the change")},
    ),
    "Change": _object(
        {"reason": REASON},
        {
            "new": PERCENT,
            "mirror": PERCENT,
            "routes": _says(_by_name(_or_null(PERCENT)), "new's share; null: as the configuration has it"),
            "cohorts": _says(_by_name(_or_null(PERCENT)), "new's share; null: as the configuration has it"),
            "epoch": _says(COUNT, "the one you saw; refused if it isn't current"),
            "override": _says(FLAG, "also where a plan runs that gives new less"),
        },
    ),
    "Reason": _object({}, {"reason": REASON}),
    "Noise": _object(
        {
            "learning": FLAG,
            "open_until": {"type": "number"},
            "frozen": FLAG,
            "sample": PERCENT,
            "in_force": _says(FLAG, "every comparer judges by these places"),
            "places": _list(PLACE),
            "trouble": _or_null(TEXTUAL),
        }
    ),
    "Decision": _object({"reason": REASON}),
    "Places": _object({"endpoint": TEXTUAL, "reason": REASON}, {"path": TEXTUAL, "kind": TEXTUAL}),
    "Audit": _object(
        {
            "entries": _list(ENTRY),
            "intact": _says(_or_null(FLAG), "whether the chain of hashes held when it was checked; null: not yet"),
        }
    ),
    "Endpoints": _object(
        {
            "endpoints": _list(ENDPOINT),
            "unseen": _says(_list(TEXTUAL), "configured ones that nobody has asked for"),
            "listed": COUNT,
            "limit": COUNT,
        }
    ),
    "Divergences": _object(
        {
            "signatures": _list(_object({**SIGNATURE, "samples": _list(_says(TEXTUAL, "ids, the newest first"))})),
            "dropped": _says(COUNT, "rows of evidence that could not be kept"),
            "trouble": _says(_or_null(TEXTUAL), "why evidence isn't kept at present"),
            "unjudged": _says(_list(ANY_OBJECT), "without comparers: the last pairs that differ, the newest first"),
        }
    ),
    "Divergence": _object({**SIGNATURE, "samples": _list(SAMPLE), "trouble": _or_null(TEXTUAL)}),
    "Affected": _object(
        {
            "affected": _list(
                _object(
                    {
                        "key": _says(TEXTUAL, "the digest of a sticky key"),
                        "by_old": _says(COUNT, "divergent pairs of which old's answer was served"),
                        "by_new": _says(COUNT, "divergent pairs of which new's answer was served"),
                        "last": NUMBER,
                    }
                )
            )
        }
    ),
    "Rules": _object(
        {
            "since": _says(NUMBER, "Unix time; counts are of these rules and of this life of control"),
            "pairs": _says(COUNT, "that were looked at: a sample of those that are not the same byte for byte"),
            "rules": _list(
                _object(
                    {
                        "rule": TEXTUAL,
                        "route": _says(_or_null(TEXTUAL), "null: not of a route"),
                        "endpoint": _says(_or_null(TEXTUAL), "null: for all"),
                        "pairs": COUNT,
                        "met": _says(COUNT, "of the pairs looked at, those that have such a place"),
                        "hidden": _says(COUNT, "differences it has hidden, in all pairs"),
                        "places": _list(PART),
                        "more": _says(COUNT, "places that are not shown"),
                        "finding": _says(_or_null(TEXTUAL), "never met, hides more than it names, or null"),
                        "says": _or_null(TEXTUAL),
                    }
                )
            ),
        }
    ),
    "Waiver": WAIVER,
    "Waivers": _object({"waivers": _list(WAIVER)}),
    "Waive": _object(
        {
            "signature": TEXTUAL,
            "until": _says(TEXTUAL, "a date, which ends it at the end of that day (UTC), or a time with its zone"),
            "reason": REASON,
        }
    ),
    "Remove": _object({"reason": REASON}),
    "Plan": PLAN,
    **{f"{name.capitalize()}Plan": _move(name) for name in TAKES},
    "OpenApi": _object({"openapi": TEXTUAL, "info": ANY_OBJECT, "paths": ANY_OBJECT}),
    "Error": _object(
        {"error": TEXTUAL},
        {
            "seq": _says(COUNT, "with 409 from a plan: the present one"),
            "key": _says(TEXTUAL, "with 422: the key whose value can't be used"),
            "problems": _says(_list(TEXTUAL), "with 422 after a reload, or for a plan: one sentence each"),
            "epoch": _says(COUNT, "with 409: the current one"),
        },
    ),
}
