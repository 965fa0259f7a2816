"""
One plan that can be carried out, and what is said when one thing about it is wrong: each rule once, with its line.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from proxy.errors import ConfigurationError
from proxy.plan.check import Checked, checked
from proxy.plan.facts import Facts, facts_of
from proxy.plan.parse import plan_hash
from proxy.settings.load import load

PLANS = Path(__file__).parents[2] / "config" / "plans"
NAME = "migration.yaml"
CONFIGURATION_TEXT = """\
old: {url: http://127.0.0.1:9001}
new: {url: http://127.0.0.1:9002}
sticky: {key: [header:X-User-Id]}
data: shared
admin:
  tokens:
    - {name: ann, role: operator, sha256: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
    - {name: bob, role: operator, sha256: "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}
    - {name: cat, role: operator, sha256: "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"}
    - {name: dan, role: viewer, sha256: "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"}
cohorts:
  - {name: staff, match: {header: {X-Staff: "1"}}, weight: 0}
  - {name: testers, match: {header: {X-Test: "1"}}, side: new}
routes:
  - {name: payments, match: {path: /payments/**}, mirror: 0, weight: 0}
  - {name: search, match: {path: /search/**}}
  - {name: read, match: {method: [GET]}}
"""
GOOD = """\
plan: orders
timezone: Europe/Berlin
start: 2027-03-01
config: orders.yaml
expect: {rate: 200, keys: 2400, routes: {payments: 3, search: 30, read: 60}}
prometheus: {url: "http://prometheus:9090"}
gates:
  same: {event: mismatch, max: 0.002, min: 1500}
  each: {event: mismatch, max: 0.002, per: route, routes: [search, read]}
  works: {event: old_ok & new_error, unit: key/60s, max: 0.001}
  load: {source: promql, query: pg_load, condition: < 1.2 * baseline}
  grows: {source: trend, query: rss, slope: 5%/h}
  served: {event: new_error, of: served, max: 0.01}
guards:
  wrong: {event: mismatch, max: 0.005, detect: [2x, 10x, 0.6], distinct_keys: 3}
  burn: {event: "error | ms > 400", of: served, max: 0.01, detect: [4x]}
stages:
  - {name: shadow, success: All alike, mirror: 50, gates: [same, each, works, load, grows]}
  - {name: staff, success: Staff is content, cohorts: {staff: 100}, gates: [served, same], rollback: {to: shadow}}
  - {name: live-10, success: Nobody noticed, weight: 10, gates: [same, served], rollback: {to: shadow}}
  - name: live-50
    success: Half of them
    weight: 50
    gates: [same]
    advance: approve
    approvals: {count: 1, must_include: [data]}
    rollback: {to: live-10, within: 30s}
    checklist: before
    verify: after
  - {name: end, success: Old is gone, weight: 100, gates: [same], reversible: false}
windows:
  default: {allow: [Mon-Thu 09:00-16:00], deny: [last-day-of-month], fit: 1h, notice: {mail: [1d]}}
freezes:
  - {dates: 2027-03-25..2027-04-02, why: quarterly closing}
team:
  author: ann
  roles:
    lead: {who: [ann], deputies: [bob], may: [start, approve, resume, rollback, force]}
    data: {who: [cat], may: [approve, force]}
  force_needs: [lead, data]
  reviewers: [data]
comms:
  channels:
    ops: {webhook: "https://hooks.example/x", secret: "env:HOOK"}
    mail: {apprise: "env:MAIL"}
  tell: {rollback: [ops, mail], window_notice: mail, approval_wanted: ops}
  must_deliver: [rollback]
shared:
  - {what: the database, owner: data, budget: a fifth more, watch: pg_load, by: gate:load}
risks:
  - {id: R1, what: Wrong answers, likelihood: 3, impact: 4, control: [gate:same, guard:wrong, stage:shadow]}
  - {id: R2, what: Paid twice, likelihood: 1, impact: 5, control: [route:payments, checklist:before]}
checklists:
  preflight: [{auto: sides_answer}, {cmd: checks/backup.sh --hours 24}]
  before:
    - {manual: Support knows, owner: lead, evidence: true}
  after: [{auto: store}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """
    `was` in the good plan (or in its `configuration`) is replaced by `now`, and then `said` is said of `key`, at the
    line where `at` stands. `alone`: and nothing else is.
    """

    was: str
    now: str
    key: str
    said: str
    at: str
    configuration: bool = False
    alone: bool = True


def broken(was: str, now: str, key: str, said: str, at: str | None = None, *, alone: bool = True) -> Broken:
    """
    A plan with one thing wrong, at the line at which it was changed unless it says another.
    """
    return Broken(was=was, now=now, key=key, said=said, at=at or now.strip("\n"), alone=alone)


def configured(was: str, now: str, key: str, said: str, at: str, *, alone: bool = True) -> Broken:
    """
    A configuration that isn't as the plan needs it.
    """
    return Broken(was=was, now=now, key=key, said=said, at=at, configuration=True, alone=alone)


SHARED = GOOD[GOOD.index("shared:") : GOOD.index("risks:")]
RETURN = ("stages.live-10.reversible", "is a point of no return before the end")
DEFAULT = "default: {allow"
EXPECT = "{rate: 200, keys: 2400, routes: {payments: 3, search: 30, read: 60}}"
NAMES = [
    broken("gates: [same, served]", "gates: [sam, served]", "stages.live-10.gates.1", "did you mean same?"),
    broken("to: shadow}}\n  - {name: live", "to: shadw}}\n  - {name: live", "stages.staff.rollback.to", "mean shadow?"),
    broken("checklist: before\n", "checklist: befor\n", "stages.live-50.checklist", "mean before?"),
    broken("verify: after\n", "verify: later\n", "stages.live-50.verify", "later is no checklist"),
    broken(
        "weight: 50\n",
        "weight: 50\n    window: night\n",
        "stages.live-50.window",
        "night is no window",
        "window: night",
    ),
    broken("must_include: [data]", "must_include: [boss]", "stages.live-50.approvals.must_include.1", "no role"),
    broken("force_needs: [lead, data]", "force_needs: [led, data]", "team.force_needs.1", "did you mean lead?"),
    broken("reviewers: [data]", "reviewers: [audit]", "team.reviewers.1", "audit is no role"),
    broken("owner: data, budget", "owner: dba, budget", "shared.1.owner", "dba is no role"),
    broken("impact: 4,", "impact: 4, owner: led,", "risks.R1.owner", "did you mean lead?"),
    broken("owner: lead, evidence", "owner: help, evidence", "checklists.before.1.owner", "help is no role"),
    broken("rollback: [ops, mail]", "rollback: [ops, sms]", "comms.tell.rollback.2", "sms is no channel"),
    broken("notice: {mail: [1d]}", "notice: {fax: [1d]}", "windows.default.notice.fax", "fax is no channel"),
    broken(
        "{name: live-10,", "{name: staff,", "stages.staff", "another stage called staff", "weight: 10,", alone=False
    ),
    broken("id: R2", "id: R1", "risks.R1", "another risk called R1", "what: Paid twice"),
    broken("routes: [search, read]", "routes: [serch, read]", "gates.each.routes.1", "did you mean search?"),
    broken("routes: {payments: 3", "routes: {payment: 3", "expect.routes.payment", "no route of the configuration"),
    broken("read: 60", "read: 80", "expect.routes", "add up to 113"),
    broken("cohorts: {staff: 100}", "cohorts: {staf: 100}", "stages.staff.cohorts.staf", "did you mean staff?"),
    broken("cohorts: {staff: 100}", "cohorts: {testers: 100}", "stages.staff.cohorts.testers", "has a side"),
    broken("weight: 10,", "routes: {reed: 10},", "stages.live-10.routes.reed", "did you mean read?"),
]
STAGES = [
    broken("weight: 50\n", "weight: 5\n", "stages.live-50.weight", "5 is less than at live-10 (10)"),
    broken(
        "weight: 10,", "weight: 10, cohorts: {staff: 50},", "stages.live-10.cohorts.staff", "50 is less than before"
    ),
    broken(
        "    gates: [same]\n",
        "    gates: [same]\n    routes: {read: 5}\n",
        "stages.live-50.routes.read",
        "5 is less",
        "routes: {read",
    ),
    broken(
        ", rollback: {to: shadow}}\n  - name", "}\n  - name", "stages.live-10.rollback", "is missing, and new answers"
    ),
    broken("to: live-10, within", "to: live-50, within", "stages.live-50.rollback.to", "live-50 is not before live-50"),
    broken("to: live-10, within", "to: end, within", "stages.live-50.rollback.to", "end is not before live-50"),
    broken("mirror: 50,", "weight: 5,", "stages.shadow", "nowhere to go back to"),
    broken("reversible: false}", "reversible: false, rollback: {to: shadow}}", "stages.end.rollback", "has no effect"),
    broken("gates: [same, served], rollback: {to: shadow}", "reversible: false, gates: [same]", *RETURN),
    broken("gates: [same, served], ", "", "stages.live-10.gates", "time alone would lead on", "weight: 10,"),
    broken(
        "gates: [same, served]", "gates: [same, served], approvals: {count: 2}", "stages.live-10.approvals", "nobody"
    ),
    broken("fit: 1h", "fit: 8h", "windows.default.fit", "it is open for 7h at most"),
    broken("weight: 10,", "weight: 10, settle: 2h,", "stages.live-10.window", "don't fit into what default leaves"),
    broken("weight: 10,", "weight: 10, settle: 8h,", "stages.live-10.window", "don't fit into default, which is open"),
    broken("[last-day-of-month]", "[2020-01-01..2090-01-01]", "windows.default", "never opens within three years"),
    broken("2027-03-25..2027-04-02", "2027-03-01..2028-04-01", "windows.default.fit", "no opening has 1h", DEFAULT),
]
CRITERIA = [
    broken("works: {event: old_ok & new_error", "works: {event: old_ok & new_eror", "gates.works.event", "column"),
    broken("same: {event: mismatch", "same: {event: mismatch, of: new", "gates.same.event", "mismatch"),
    broken("event: new_error, of: served", "event: new_ms & 3, of: served", "gates.served.event", "column"),
    broken(
        "  load: {source",
        "".join(f"  m{n}: {{event: new_ms > {n}, max: 0.1}}\n" for n in range(33)) + "  load: {source",
        "gates",
        "34 comparisons of latencies are more than 32",
        "gates:",
        alone=False,
    ),
    broken(
        'prometheus: {url: "http://prometheus:9090"}\n', "", "gates.load.source", "needs a Prometheus", "load: {source"
    ),
    broken(
        "max: 0.005, detect",
        "max: 0.001, detect",
        "guards.wrong.max",
        "less than gate same allows (0.002)",
        alone=False,
    ),
    broken("detect: [2x, 10x, 0.6]", "detect: [2x, 300x]", "guards.wrong.detect.2", "300x is a rate of 1.5"),
    broken("detect: [2x, 10x, 0.6]", "detect: [0.004]", "guards.wrong.detect.1", "between the budget (0.005) and 1"),
    broken(
        "routes: [search, read]", "routes: [search, payments]", "gates.each.routes.2", "nothing of payments is copied"
    ),
]
QUERIES = [
    broken("condition: < 1.2 * baseline", "condition: about 3", "gates.load.condition", "is no condition"),
    broken("slope: 5%/h", "slope: 5%/h, window: 10m", "gates.grows.window", "too few answers for a slope"),
    broken("slope: 5%/h", "slope: 5%/h, window: 2d", "stages.shadow.observe", "gate grows needs 48 h", "name: shadow"),
]
PEOPLE = [
    broken("who: [cat]", "who: []", "team.roles.data.who", "has nobody", alone=False),
    broken("deputies: [bob]", "deputies: [ann]", "team.roles.lead.deputies.1", "their own deputy"),
    broken("[start, approve,", "[approve,", "team.roles", "nobody may start it", "  roles:"),
    broken("count: 1, must", "count: 3, must", "stages.live-50.approvals.count", "2 can: bob, cat if ann starts it"),
    broken(
        "may: [approve, force]",
        "may: [force]",
        "stages.live-50.approvals.must_include.1",
        "nobody in data may",
        "approvals:",
        alone=False,
    ),
    broken(
        "who: [cat]",
        "who: [ann]",
        "stages.live-50.approvals.must_include",
        "nobody for each of them",
        "approvals:",
        alone=False,
    ),
    broken("rollback, force]", "rollback]", "team.force_needs.1", "lead may not force", "force_needs:"),
    broken("who: [ann], deputies: [bob]", "who: [cat]", "team.force_needs", "agree twice", "force_needs:", alone=False),
    broken("who: [cat]", "who: [eve]", "team.roles.data.who.1", "eve has no token in the configuration"),
    broken("author: ann", "author: ghosty", "team.author", "ghosty has no token and is in no role"),
    broken("approve, resume,", "approve,", "team.roles", "nobody may resume it", "  roles:"),
    broken("who: [cat]", "who: [cat, dan]", "team.roles.data.who.2", "the token of dan may only look"),
    broken(
        'apprise: "env:MAIL"', "audience: status", "comms.channels.mail", "write either an apprise URL or a webhook"
    ),
    broken(
        'apprise: "env:MAIL"', 'apprise: "env:MAIL", secret: "env:X"', "comms.channels.mail.secret", "only webhooks"
    ),
    broken(
        'apprise: "env:MAIL"', 'apprise: "env:MAIL", headers: {x-a: b}', "comms.channels.mail.headers", "only webhooks"
    ),
    broken("https://hooks.example/x", "ftp://hooks.example/x", "comms.channels.ops.webhook", "no way to send a POST"),
    broken("must_deliver: [rollback]", "must_deliver: [hold]", "comms.must_deliver.1", "nobody is told of hold"),
    broken(
        "window_notice: mail",
        "window_notice: ops",
        "windows.default.notice.mail",
        "isn't told of window_notice",
        DEFAULT,
    ),
]
RISKS = [
    broken("gate:same, guard", "gate:sme, guard", "risks.R1.control.1", "did you mean same?"),
    broken("guard:wrong, stage", "guard:wrnog, stage", "risks.R1.control.2", "did you mean wrong?"),
    broken("stage:shadow", "stage:shade", "risks.R1.control.3", "did you mean shadow?"),
    broken("checklist:before", "checklist:during", "risks.R2.control.2", "during is no checklist"),
    broken("route:payments", "route:paymets", "risks.R2.control.1", "did you mean payments?"),
    broken("by: gate:load", "by: gate:laod", "shared.1.by", "did you mean load?"),
    broken("by: gate:load", "by: checklist:before", "shared.1.by", "looks at nothing while it runs"),
    broken("{auto: sides_answer}", "{title: hm}", "checklists.preflight.1", "says nothing to do"),
    broken("{auto: sides_answer}", "{auto: rate, manual: Look}", "checklists.preflight.1", "more than one thing to do"),
    broken(
        "manual: Support knows, owner: lead", "manual: Support knows", "checklists.before.1.owner", "nobody is to do it"
    ),
    broken("[{auto: store}]", "[{auto: store, evidence: true}]", "checklists.after.1.evidence", "what a person does"),
    broken("[{auto: store}]", "[]", "checklists.after", "has no lines"),
    broken(SHARED, "", "shared", "old and new write to one store", "plan: orders"),
]
TIME = [
    broken("rate: 200", "rate: 0.01", "stages.shadow.observe", "observe.max is 1d", "name: shadow"),
    broken("mirror: 50,", "mirror: 0,", "stages.shadow.observe", "there are no pairs at shadow", alone=False),
    broken("mirror: 50,", "mirror: 50, observe: 1s..10s,", "stages.shadow.observe", "or a larger budget"),
    broken(EXPECT, "{rate: 0.3, routes: {search: 90, read: 6}}", "stages.shadow.observe", "route read", "name: shadow"),
]
CONFIGURATION = [
    configured("data: shared\n", "", "config", "doesn't say where data lies", "config:"),
    configured("search/**}}", "search/**}, weight: 5}", "stages.shadow", "gives search to new before", "name: shadow"),
    configured("[header:X-User-Id]", "[request]", "gates.works.unit", "counts by sticky keys", "works:", alone=False),
    configured("[header:X-User-Id]", "[request]", "guards.wrong.distinct_keys", "several", "wrong:", alone=False),
    configured("[header:X-User-Id]", "[request]", "stages.live-10.weight", "change sides", "live-10,", alone=False),
    configured("name: read", "name: reads", "gates.each.routes.2", "did you mean reads?", "each:", alone=False),
]


@cache
def configuration(text: str = CONFIGURATION_TEXT) -> Facts:
    """
    What a configuration says. Most tests have the same.
    """
    return facts_of(load(Path("orders.yaml"), environment={}, data=text.encode()).settings)


def refused(text: str, facts: Facts | None) -> tuple[str, ...]:
    """
    What is said of a plan that can't be carried out.
    """
    with pytest.raises(ConfigurationError) as error:
        checked(text, NAME, facts)
    return error.value.problems


def accepted(text: str, facts: Facts | None) -> Checked:
    """
    A plan that can be carried out.
    """
    return checked(text, NAME, facts)


def test_a_good_plan_is_good() -> None:
    """
    What is broken below isn't broken before, and nothing is said of it.
    """
    assert accepted(GOOD, configuration()).warnings == ()


@pytest.mark.parametrize(
    "one",
    [*NAMES, *STAGES, *CRITERIA, *QUERIES, *PEOPLE, *RISKS, *TIME, *CONFIGURATION],
    ids=lambda one: f"{one.key}: {one.said}",
)
def test_each_rule_refuses_at_its_line(one: Broken) -> None:
    """
    With the key that is wrong, and what would be right.
    """
    whole = CONFIGURATION_TEXT if one.configuration else GOOD
    assert whole.count(one.was) == 1, f"{one.was} is there {whole.count(one.was)} times"
    changed = whole.replace(one.was, one.now)
    text = GOOD if one.configuration else changed
    facts = configuration(changed) if one.configuration else configuration()
    line = text[: text.index(one.at)].count("\n") + 1

    problems = refused(text, facts)

    expected = f"{NAME}:{line}: {one.key}: "
    found = [problem for problem in problems if problem.startswith(expected) and one.said in problem]
    assert found, "\n".join([f"expected {expected}… {one.said} …", *problems])
    assert "; " in found[0] or "?" in found[0], "it has to say what would be right"
    if one.alone:
        others = [problem for problem in problems if one.said not in problem]
        assert not others, "\n".join(others)


def test_what_all_have_to_look_at_is_told_at_once() -> None:
    """
    One plan, three mistakes, in the order of the file.
    """
    text = GOOD.replace("weight: 50\n", "weight: 5\n").replace("by: gate:load", "by: gate:loud")
    text = text.replace("gates: [same, served]", "gates: [sane, served]")

    keys = [problem.split(": ")[1] for problem in refused(text, configuration())]

    assert keys == ["stages.live-10.gates.1", "stages.live-50.weight", "shared.1.by"]


def test_nobody_goes_back_over_a_point_of_no_return() -> None:
    """
    It can't be undone, so nothing before it can be reached again.
    """
    twice = "gates: [same, served], reversible: false, checklist: before, approvals: {count: 2}"
    text = GOOD.replace("gates: [same, served], rollback: {to: shadow}", twice)
    text = text.replace("may: [start, approve, resume, rollback, force]", "may: [start, resume, rollback, force]")
    text = text.replace("data: {who: [cat], may", "data: {who: [cat, bob, eva], may")
    tokens = CONFIGURATION_TEXT.replace(", mirror", ", mirror").replace(
        "name: dan, role: viewer", "name: eva, role: operator"
    )

    [said] = refused(text.replace("to: live-10, within", "to: staff, within"), configuration(tokens))

    assert "stages.live-50.rollback.to: between staff and here lies live-10, which can't be undone" in said


def test_without_roles_anybody_may_agree() -> None:
    """
    A team is not needed, and then nobody has to be in it.
    """
    minimal = (PLANS / "minimal.yaml").read_text()
    facts = configuration((PLANS / "minimal.parallax.yaml").read_text())

    assert accepted(minimal, facts).plan.plan == "hello"


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("gates:\n  same", "gates:\n  odd: {event: old_ms > 9, max: 0.1}\n  same", "gates.odd: no stage asks it"),
        ("{staff: 100}, gates: [served, same]", "{staff: 100}, gates: [same]", "staff is about staff alone"),
        ("    verify: after\n", "", "checklists.after: no stage does it"),
        ("    checklist: before\n", "", "though a risk relies on it"),
        ('apprise: "env:MAIL"', 'apprise: "mailto://bob:secret@example.org"', "channels.mail.apprise: holds a secret"),
        ('"env:HOOK"', '"env:HOOK", headers: {authorization: hunter2}', "ops.headers.authorization: holds a secret"),
        ('apprise: "env:MAIL"', 'apprise: "slack://a/b/c"', "comms.channels.mail.apprise: holds a secret"),
        ("1h, notice", "1h}\n  night: {allow: [Sat], notice", "windows.night: no stage is entered in it"),
        ("weight: 10,", "weight: 10, observe: 3h..1d,", "if that is to be seen before it closes"),
        ("event: mismatch, max: 0.005", "event: old_error, max: 0.005", "guards.wrong.event: is about old alone"),
        (", approval_wanted: ops", "", "comms.tell: live-50 waits for people, and nobody is told"),
        (EXPECT, "{rate: 0.5, routes: {search: 98, read: 1}}", "as the others are enough of the traffic"),
        (EXPECT, "{rate: 200, routes: {search: 30}}", "how long gate each takes can't be told"),
    ],
)
def test_what_is_doubtful_is_told_and_carried_out(was: str, now: str, said: str) -> None:
    """
    Warnings, each with its line too.
    """
    assert was in GOOD

    warnings = accepted(GOOD.replace(was, now), configuration()).warnings

    assert [one for one in warnings if said in one and one.startswith(f"{NAME}:")], warnings


def test_a_password_in_a_warning_is_not_repeated() -> None:
    """
    Warnings are logged.
    """
    text = GOOD.replace('apprise: "env:MAIL"', 'apprise: "mailto://bob:secret@example.org"')

    assert "bob:" not in "".join(accepted(text, configuration()).warnings)


def test_without_a_configuration_names_of_it_are_believed() -> None:
    """
    A plan can be looked at where its configuration isn't.
    """
    assert accepted(GOOD.replace("route:payments", "route:elsewhere"), None).plan.plan == "orders"


def test_a_live_stage_that_no_guard_sees_is_told_of() -> None:
    """
    Its guards look at pairs, and nothing is copied there any more.
    """
    seen = GOOD.replace("name: live-10, ", "name: live-10, mirror: 0, ").replace("[same, served]", "[served]")
    seen = seen.replace("    weight: 50\n", "    weight: 50\n    mirror: 100\n")
    blind = seen.replace('"error | ms > 400", of: served', "old_ok & new_error")

    assert accepted(seen, configuration()).warnings == ()
    [said] = accepted(blind, configuration()).warnings
    assert "no guard sees what new answers at live-10" in said


def test_the_hash_of_a_checked_plan_is_that_of_its_text() -> None:
    """
    Who signs it signs what was checked.
    """
    assert accepted(GOOD, configuration()).hash == plan_hash(GOOD)


def test_a_guard_of_other_routes_has_a_budget_of_its_own() -> None:
    """
    And an event is the same however it is spaced.
    """
    one = GOOD.replace("same: {event: mismatch,", "same: {event: mismatch, routes: [read],")
    one = one.replace("routes: [search, read]", "routes: [read]")
    apart = one.replace("wrong: {event: mismatch, max: 0.005", "wrong: {event: mismatch, routes: [search], max: 0.001")
    spelled = GOOD.replace('burn: {event: "error | ms > 400"', "burn: {event: '  new_error'").replace(
        "max: 0.01, detect", "max: 0.001, detect"
    )

    assert accepted(apart, configuration()).plan.guards
    [said] = refused(spelled, configuration())
    assert "guards.burn.max: 0.001 is less than gate served allows (0.01)" in said
