"""
People of a plan: whether those who have to agree can, without anybody agreeing to what they did themselves, and whether
those who are to be told can be.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from proxy.plan.facts import Facts
from proxy.plan.model import Plan, Stage
from proxy.plan.people import Channel
from proxy.plan.team import agreed, is_own_change, people_in, people_who_may
from proxy.settings.rewrite import ELSEWHERE
from proxy.settings.sentences import Finding
from proxy.settings.source import Where

# user:password@ in a URL.
PASSWORD = re.compile(r"//[^/@\s]*:[^/@\s]+@")
SECRET_FIELDS: Final = frozenset({"authorization", "cookie", "x-api-key", "api-key", "x-auth-token"})
# Schemes of Apprise whose URLs have a token as their host or path, which is as good as a password.
HOLD_TOKENS: Final = frozenset({"slack", "msteams", "discord", "tgram", "opsgenie", "pagerduty", "pover", "workflows"})


def check_people(plan: Plan, facts: Facts | None) -> Iterator[Finding]:
    """
    Everything wrong or doubtful with the team and with comms.
    """
    yield from _check_roles(plan)
    yield from _check_quorums(plan)
    yield from _check_force(plan)
    yield from _check_reviewers(plan)
    if facts is not None:
        yield from _check_tokens(plan, facts)
    for name, channel in plan.comms.channels.items():
        yield from _check_channel(("comms", "channels", name), channel)
    yield from _check_delivery(plan)


def _check_roles(plan: Plan) -> Iterator[Finding]:
    for name, role in plan.team.roles.items():
        at: Where = ("team", "roles", name)
        if not role.who:
            yield Finding(key=(*at, "who"), said="has nobody; write the names of their tokens")
        for number, one in enumerate(role.deputies):
            if one in role.who:
                said = f"{one} would be their own deputy; write somebody else"
                yield Finding(key=(*at, "deputies", number), said=said)
    if plan.team.roles and not people_who_may(plan, "start"):
        yield Finding(key=("team", "roles"), said="nobody may start it; give start to a role, in its may")
    if plan.team.roles and not people_who_may(plan, "resume"):
        said = "nobody may resume it after a hold; give resume to a role, in its may"
        yield Finding(key=("team", "roles"), said=said)


def _check_quorums(plan: Plan) -> Iterator[Finding]:
    """
    Whoever starts it, enough others must be there to agree, and one of each role that has to be among them.
    """
    if not plan.team.roles:
        for place, stage in enumerate(plan.stages):
            if stage.approvals.must_include:
                # That there are no such roles has been said.
                continue
            if _asks(stage) and stage.approvals.count > 1:
                said = "nobody knows who is whom without roles; write team.roles"
                yield Finding(key=("stages", place, "approvals"), said=said, warning=True)
        return
    approvers, starters = people_who_may(plan, "approve"), people_who_may(plan, "start")
    for place, stage in enumerate(plan.stages):
        if _asks(stage):
            yield from _check_quorum(plan, place, stage, approvers, starters)


def _asks(stage: Stage) -> bool:
    return stage.advance == "approve" or not stage.reversible


def _check_quorum(
    plan: Plan, place: int, stage: Stage, approvers: Sequence[str], starters: Sequence[str]
) -> Iterator[Finding]:
    at: Where = ("stages", place, "approvals")
    known_roles = tuple(role for role in stage.approvals.must_include if role in plan.team.roles)
    for number, role in enumerate(stage.approvals.must_include):
        if role in plan.team.roles and not set(people_in(plan, role)) & set(approvers):
            said = f"nobody in {role} may approve; give approve to it, in team.roles.{role}.may"
            yield Finding(key=(*at, "must_include", number), said=said)
            return
    for starter in starters or (None,):
        left, because = _others(plan, approvers, starter), _because(plan, starter)
        if len(left) < stage.approvals.count:
            have = f"{len(left)} can: {', '.join(sorted(left))}" if left else "nobody can"
            said = f"{stage.approvals.count} must agree, and {have}{because}; give approve to more people"
            yield Finding(key=(*at, "count"), said=said)
            return
        if not agreed(plan, left, stage.approvals.count, known_roles):
            said = (
                f"there is nobody for each of them who can agree{because}; add somebody to {' or '.join(known_roles)}"
            )
            yield Finding(key=(*at, "must_include"), said=said)
            return


def _others(plan: Plan, names: Iterable[str], starter: str | None) -> tuple[str, ...]:
    """
    Those who didn't make what they would agree to.
    """
    made_by = () if starter is None else (starter,)
    return tuple(name for name in names if not is_own_change(plan, name, made_by))


def _because(plan: Plan, starter: str | None) -> str:
    if not plan.team.approve_not_own_change:
        return ""
    return f" if {starter} starts it (who wrote or started it doesn't count)" if starter else " besides its author"


def _check_force(plan: Plan) -> Iterator[Finding]:
    team = plan.team
    for number, role in enumerate(team.force_needs):
        if role in team.roles and "force" not in team.roles[role].may:
            said = f"{role} may not force; give force to it, in team.roles.{role}.may"
            yield Finding(key=("team", "force_needs", number), said=said)
            return
    roles = tuple(role for role in team.force_needs if role in team.roles)
    people = [name for role in roles for name in people_in(plan, role)]
    if not agreed(plan, people, 0, roles):
        said = "the same person would have to agree twice; add somebody to one of these roles"
        yield Finding(key=("team", "force_needs"), said=said)


def _check_reviewers(plan: Plan) -> Iterator[Finding]:
    for number, role in enumerate(plan.team.reviewers):
        if role in plan.team.roles and not _others(plan, people_in(plan, role), None):
            said = f"only its author is in {role}, and nobody reviews what they wrote; add somebody to it"
            yield Finding(key=("team", "reviewers", number), said=said)


def _check_tokens(plan: Plan, facts: Facts) -> Iterator[Finding]:
    """
    A role is people by the names of their tokens, so these have to be there, and be allowed to change something.
    """
    yield from _check_author(plan, facts)
    if plan.team.roles and not facts.tokens:
        said = "the configuration has no tokens to tell people apart by; add theirs to admin.tokens there"
        yield Finding(key=("team", "roles"), said=said, warning=True)
        return
    for name, role in plan.team.roles.items():
        for key, names in (("who", role.who), ("deputies", role.deputies)):
            for number, one in enumerate(names):
                at: Where = ("team", "roles", name, key, number)
                if one not in facts.tokens:
                    said = f"{one} has no token in the configuration; add it to admin.tokens, or write another"
                    yield Finding(key=at, said=said)
                elif facts.tokens[one] != "operator":
                    said = f"the token of {one} may only look (role: {facts.tokens[one]}); make it an operator's"
                    yield Finding(key=at, said=said)


def _check_author(plan: Plan, facts: Facts) -> Iterator[Finding]:
    """
    An author whom nobody knows would keep nobody from approving what they wrote.
    """
    known = {*facts.tokens, *(name for role in plan.team.roles for name in people_in(plan, role))}
    if plan.team.author is not None and known and plan.team.author not in known:
        said = f"{plan.team.author} has no token and is in no role; write the name of the author's token"
        yield Finding(key=("team", "author"), said=said)


def _check_channel(at: Where, channel: Channel) -> Iterator[Finding]:
    if (channel.apprise is None) == (channel.webhook is None):
        yield Finding(key=at, said="says no way, or two; write either an apprise URL or a webhook")
        return
    if channel.secret is not None and channel.webhook is None:
        yield Finding(key=(*at, "secret"), said="only webhooks are signed; leave it out, or write a webhook")
    if channel.headers and channel.webhook is None:
        yield Finding(key=(*at, "headers"), said="only webhooks have fields; leave it out, or write a webhook")
    for name, value in channel.headers.items():
        if name in SECRET_FIELDS and not ELSEWHERE.fullmatch(value):
            said = "holds a secret that everybody can read who reads this plan; write env:NAME or file:PATH"
            yield Finding(key=(*at, "headers", name), said=said, warning=True)
    for key, url in (("apprise", channel.apprise), ("webhook", channel.webhook)):
        if url is None or ELSEWHERE.fullmatch(url):
            continue
        scheme = url.partition("://")[0]
        if PASSWORD.search(url) or (key == "apprise" and scheme in HOLD_TOKENS):
            said = "holds a secret that everybody can read who reads this plan; write env:NAME or file:PATH"
            yield Finding(key=(*at, key), said=said, warning=True)
        elif key == "webhook" and scheme not in ("http", "https"):
            yield Finding(key=(*at, key), said=f"{scheme} is no way to send a POST; write an http or https URL")


def _check_delivery(plan: Plan) -> Iterator[Finding]:
    for number, event in enumerate(plan.comms.must_deliver):
        if not plan.comms.tell.get(event):
            said = f"nobody is told of {event}; write channels for it in comms.tell"
            yield Finding(key=("comms", "must_deliver", number), said=said)
    asking = next((stage.name for stage in plan.stages if _asks(stage)), None)
    if plan.comms.channels and asking is not None and not plan.comms.tell.get("approval_wanted"):
        said = f"{asking} waits for people, and nobody is told; write channels for approval_wanted"
        yield Finding(key=("comms", "tell"), said=said, warning=True)
    told = plan.comms.tell.get("window_notice", ())
    for name, window in plan.windows.items():
        for channel in window.notice:
            if channel in plan.comms.channels and channel not in told:
                said = f"{channel} isn't told of window_notice; add it in comms.tell"
                yield Finding(key=("windows", name, "notice", channel), said=said)
