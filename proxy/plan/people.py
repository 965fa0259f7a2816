"""
People as a plan has them: who may do what, and who is told what.
"""

from typing import Literal

from pydantic import Field

from proxy.plan.kinds import Headers, NameList, People, Person, Secret, Target
from proxy.settings.kinds import Seconds
from proxy.settings.routes import Name
from proxy.settings.section import Section

Move = Literal["start", "approve", "hold", "resume", "advance", "rollback", "abort", "amend", "force", "note"]
EventName = Literal[
    "stage_start", "stage_passed", "approval_wanted", "hold", "resume", "rollback", "rolled_back", "window_notice",
    "finished", "aborted", "forced",
]  # fmt: skip
Audience = Literal["engineers", "stakeholders", "status", "executive"]


class Role(Section):
    """
    People by the names of their tokens.
    """

    who: People = Field(description="names of tokens", examples=["[alice]"])
    deputies: People = Field((), description="who does it when they don't answer")
    may: tuple[Move, ...] = Field(description="what they may do", examples=["[approve, hold, rollback]"])


class Team(Section):
    """
    Roles, and what holds between them. Without roles, any operator may do anything.
    """

    roles: dict[Name, Role] = Field({}, description="by name")
    author: Person = Field(None, description="the token of who wrote this plan")
    approve_not_own_change: bool = Field(True, description="who wrote, started or amended it doesn't approve")
    force_needs: NameList = Field((), description="roles that must agree to a force, one person each")
    reviewers: NameList = Field((), description="roles that must have signed this plan before it starts")
    acknowledge: Seconds = Field(600.0, gt=0, description="after which deputies are told too")


class Channel(Section):
    """
    Where messages go: an Apprise URL, or a webhook of one's own. Secrets as env:NAME or file:PATH.
    """

    apprise: Target = Field(None, description="such as mailto:, slack: or msteams:; env:NAME where it holds a secret")
    webhook: Target = Field(None, description="a URL that is sent a POST")
    headers: Headers = Field({}, description="fields that a webhook gets; a value may be env:NAME or file:PATH")
    secret: Secret = Field(None, description="what webhooks are signed with")
    audience: Audience = Field("engineers", description="whose words it gets")


class Comms(Section):
    """
    Who is told what.
    """

    channels: dict[Name, Channel] = Field({}, description="by name")
    tell: dict[EventName, NameList] = Field({}, description="channels by event")
    must_deliver: tuple[EventName, ...] = Field((), description="events; undelivered, the next advance waits")
    templates: str | None = Field(None, description="folder with templates of one's own")
    contact: str = Field("", description="whom readers may ask")
    next_update: Seconds = Field(3600.0, gt=0, description="by when readers hear again")
