"""
The plan on paper: what is saved of it before it moves, kept after it has moved, and found again after a restart.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from proxy.admin.steering import Who
from proxy.errors import StoreError
from proxy.ledger import Ledger, line
from proxy.plan.state import Event, State, from_values
from proxy.store.plan import Kept, Told

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from proxy.store.store import Store

    Also = Callable[[Connection], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """
    The text of a plan, what it was read from, the hash of what it says, and its own templates of notices, by event.
    """

    text: str
    file: str
    hash: str
    own: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    A plan at one moment: its state, the evidence it goes by, and who brought it here.
    """

    source: Source
    state: State
    evidence: Mapping[str, Any]
    who: Who
    reason: str
    before: State


class Planbook:
    """
    Writes through the ledger: a state, its line in the audit, its history and its notices are one transaction. `epoch`
    is of the intent, for the audit.
    """

    def __init__(self, ledger: Ledger, epoch: Callable[[], int]) -> None:
        self._ledger = ledger
        self._epoch = epoch

    async def write(self, page: Page, also: "Also") -> None:
        """
        Save a page, before anything is done by it. Raises `Unkept`.
        """
        call = self._call(page, also)
        await self._ledger.write(call)

    def keep(self, page: Page, also: "Also") -> "asyncio.Future[None]":
        """
        Save a page as soon as possible; done once that is so, or once somebody else has taken over.
        """
        call, entry = self._call(page, also), _entry(page, self._epoch())

        def kept(store: "Store") -> Any:
            try:
                return call(store)
            except StoreError as error:
                if error.kind != "stale":
                    raise
                # What was done is told all the same.
                return store.audit(entry)

        return self._ledger.keep_call(kept)

    async def note_evidence(self, page: Page) -> None:
        """
        Save what was seen since, and what the state has added up, for the same seq. Raises `Unkept`.
        """
        state, words = page.state, (json.dumps(page.evidence), json.dumps(page.state.as_values()))
        await self._ledger.write(lambda store: store.save_evidence(state.run, state.generation, state.seq, *words))

    def _call(self, page: Page, also: "Also") -> "Callable[[Store], Any]":
        state, entry = page.state, _entry(page, self._epoch())
        kept = Kept(
            run=state.run,
            hash=page.source.hash,
            file=page.source.file,
            text=page.source.text,
            state=json.dumps(state.as_values()),
            evidence=json.dumps(page.evidence),
            generation=state.generation,
            seq=state.seq,
        )
        told = tuple(map(_told, state.history))
        return lambda store: store.save_plan(kept, told, entry, also)


def _entry(page: Page, epoch: int) -> Any:
    reason = page.reason or (page.state.history[-1].said if page.state.history else "")
    return line(page.who, "plan", reason, _short(page.before), _short(page.state), epoch=epoch)


def _short(state: State) -> dict[str, Any]:
    """
    What the audit says of a state.
    """
    said = {"run": state.run, "seq": state.seq, "phase": state.phase, "stage": state.stage, "step": state.step}
    return {**said, "held": state.held} if state.held else said


def _told(event: Event) -> Told:
    return Told(at=event.at, seq=event.seq, what=event.what, stage=event.stage, by=event.by, said=event.said)


def found(kept: Kept) -> tuple[State, dict[str, Any]]:
    """
    The state and the evidence that were kept. Raises KeyError, TypeError or ValueError for what no Parallax of this
    version wrote.
    """
    return from_values(json.loads(kept.state)), json.loads(kept.evidence)
