"""
The plan, if there is one: found in the store or given at the start, begun by a call, guarded against changes by hand.

What it takes to read and carry out a plan is imported when there is one, on a thread: it takes half a second, which a
control that starts doesn't have.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from proxy.admin.changes import Change
from proxy.admin.facts import Facts
from proxy.admin.plan import Asked
from proxy.admin.steering import Forbidden as MayNot
from proxy.admin.steering import Held, NotLoaded, NotYet, Outcome, Unknown, Who
from proxy.clock import time
from proxy.errors import ConfigurationError
from proxy.ledger import Ledger, Unkept
from proxy.link.setup import PlanText
from proxy.sight import Sight
from proxy.tasks import spawn
from proxy.threads import on_thread

if TYPE_CHECKING:
    from proxy.means import Traffic
    from proxy.notifying import Notifier
    from proxy.plan.facts import Facts as PlanFacts
    from proxy.plan.model import Plan
    from proxy.plan.state import State
    from proxy.planbook import Source
    from proxy.rollout import Rollout
    from proxy.store.plan import Kept

NOBODY: Final = "there is no plan; start Parallax with --plan FILE, or say `parallax plan start FILE`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """
    What stands behind it: `facts` are those of the configuration, and block; `remember` has the supervisor keep the
    text of a plan, for a control whose store is lost; `lagging` are workers that don't have what is in force yet,
    `troubles` what keeps anything from being saved; `tell` logs. `folder` is where relative files of a plan are, and
    `admin_url` where this Parallax is asked.
    """

    traffic: "Traffic"
    facts: Callable[[], "PlanFacts"]
    remember: Callable[[PlanText], None]
    lagging: Callable[[], tuple[str, ...]]
    troubles: Callable[[], tuple[str, ...]]
    tell: Callable[..., None]
    folder: str
    admin_url: str


class Planned:
    """
    What `admin.plan.Planned` asks for. `given` is the plan that Parallax was started with, if it was.
    """

    def __init__(self, facts: Facts, ledger: Ledger, behind: Behind, given: PlanText | None) -> None:
        self._facts = facts
        self._ledger = ledger
        self._behind = behind
        self._given = given
        self._rollout: Rollout | None = None
        self._notifier: Notifier | None = None
        self._trouble: str | None = "the store is being opened; ask again in a second"
        self._reading = False
        self._lost = False
        self.sight = Sight(facts, behind.lagging)
        facts.plan = lambda: None if self._rollout is None else self._rollout.gauges()

    # Found...

    def opened(self, *, lost: bool) -> None:
        """
        The store can be used. `lost`: it isn't the one that knew what is in force.
        """
        self._lost = self._lost or lost
        if self._rollout is not None:
            # Another store, which knows nothing of it yet.
            self._rollout.keep_again()
        elif not self._reading:
            self._reading = True
            spawn(self._read(), name="read the plan", on_error=self._unread)

    def look(self) -> None:
        """
        To be called once a second: a plan that couldn't be read is tried again.
        """
        if self._rollout is None and self._trouble is not None and self._ledger.is_open:
            self.opened(lost=False)

    def stop(self) -> None:
        """
        Carry out nothing more.
        """
        if self._rollout is not None:
            self._rollout.stop()

    def _unread(self, error: BaseException) -> None:
        self._reading = False
        trouble, before = f"the plan that was kept can't be read: {error}", self._trouble
        self._trouble = trouble
        if trouble != before:
            # It is tried again once a second.
            self._behind.tell("error", "plan_unreadable", reason=str(error), remedy="guards are off; kill, if in doubt")

    async def _read(self) -> None:
        try:
            kept = await self._ledger.read(lambda store: store.plan())
            if kept is not None:
                await self._go_on(kept[0])
            elif self._given is not None:
                await self._begin(self._given, lost=self._lost)
            self._trouble = None
        except (Unkept, ConfigurationError, KeyError, TypeError, ValueError) as error:
            self._unread(error)
        finally:
            self._reading = False

    async def _go_on(self, kept: "Kept") -> None:
        """
        With a plan that a predecessor carried out, or began to.
        """
        plan, source = await self._parsed(PlanText(file=kept.file, text=kept.text))
        if await self._is_over(kept):
            return
        from proxy.plan.beginnings import resumed
        from proxy.planbook import found

        state, evidence = found(kept)
        rollout = self._made(plan, source, state)
        rollout.restore(evidence)
        await rollout.resume(*resumed(plan, state, time()))
        self._rollout = rollout

    async def _is_over(self, kept: "Kept") -> bool:
        """
        Whether the plan that Parallax was started with takes the place of one that is kept, as that doesn't run.
        """
        given = self._given
        if given is None or (await self._parsed(given))[1].hash == kept.hash:
            return False
        from proxy.plan.state import Phase
        from proxy.planbook import found

        if found(kept)[0].phase is Phase.RUNNING:
            remedy = "that of `parallax plan status` goes on; `parallax plan amend FILE` changes it"
            self._behind.tell("warning", "plan_not_taken", file=given.file, remedy=remedy)
            return False
        await self._begin(given, lost=False)
        return True

    async def _begin(self, given: PlanText, *, lost: bool) -> None:
        """
        With a plan of which the store knows nothing: a draft, or, where the store is lost, what is in force.
        """
        plan, source = await self._parsed(given)
        from proxy.plan.beginnings import draft, recovered

        run, in_force = uuid4().hex[:12], self.sight.in_force()
        rollout = self._made(plan, source, draft(run, source.hash))
        if lost and in_force is not None:
            await rollout.resume(*recovered(run, source.hash, plan, in_force, time()))
        else:
            rollout.start()
        self._rollout = rollout

    def _made(self, plan: "Plan", source: "Source", state: "State") -> "Rollout":
        from proxy.inquiries import Inquiries, Where
        from proxy.means import Means
        from proxy.notifying import Notifier
        from proxy.plan.telling import channels
        from proxy.planbook import Planbook
        from proxy.rollout import Rollout

        if self._rollout is not None:
            self._rollout.stop()
        if self._notifier is None:
            self._notifier = Notifier(self._ledger, self._behind.tell)
            self._notifier.start()
        folder = self._folder(source.file)
        self._notifier.use(channels(plan), folder)
        where = Where(
            folder=folder,
            admin_url=self._behind.admin_url,
            troubles=self._behind.troubles,
            messenger=self._notifier,
            own=source.own,
        )
        means = Means(
            traffic=self._behind.traffic,
            sight=self.sight,
            inquiries=Inquiries(plan, self._facts, where),
            book=Planbook(self._ledger, lambda: 0 if self._facts.table is None else self._facts.table.epoch),
            facts=self._facts,
            notifier=self._notifier,
            folder=folder,
            address=self._behind.admin_url,
            own=source.own,
            tell=self._behind.tell,
        )
        return Rollout(plan, source, state, means)

    # ... asked...

    def status(self) -> dict[str, Any]:
        """
        See `admin.plan`.
        """
        return self._present().status()

    async def whole(self) -> dict[str, Any]:
        """
        See `admin.plan`.
        """
        status = self._present().status()
        try:
            kept = await self._ledger.read(lambda store: store.plan())
        except Unkept as error:
            raise NotYet(f"the history can't be read: {error}") from error
        if kept is not None and kept[0].run == status["run"]:
            status["history"] = [asdict(line) for line in kept[1]]
        return status

    def shown(self) -> dict[str, Any] | None:
        """
        The same, None where there is no plan.
        """
        return None if self._rollout is None else self._rollout.status()

    def _present(self) -> "Rollout":
        if self._rollout is not None:
            return self._rollout
        if self._trouble is not None:
            raise NotYet(self._trouble)
        raise Unknown(NOBODY)

    async def obey(self, asked: Asked, who: Who) -> dict[str, Any]:
        """
        See `admin.plan`.
        """
        source = plan = None
        if asked.name != "start":
            self._present()
        if asked.text:
            plan, source = await self._checked(PlanText(file=asked.file or "plan", text=asked.text))
        if asked.name == "start":
            # Before any program of a checklist runs, and before another draft makes room.
            _check_right(self._present().plan if plan is None else plan, who)
            if source is not None:
                await self._replace(PlanText(file=source.file, text=source.text), source.hash)
        rollout = self._present()
        from proxy.plan.moves import Command

        command = Command(
            name=asked.name,
            by=who.name,
            reason=asked.reason,
            seq=asked.seq,
            stage=asked.stage,
            route=asked.route,
            cohort=asked.cohort,
            seconds=asked.seconds,
            item=asked.item,
            ok=asked.ok,
            evidence=asked.evidence,
            plan=plan if asked.name == "amend" else None,
            plan_hash="" if source is None else source.hash,
        )
        if asked.name == "start":
            await rollout.prepare(command)
        return await rollout.command(command, who, source if asked.name == "amend" else None)

    async def _checked(self, given: PlanText) -> tuple["Plan", "Source"]:
        try:
            return await self._parsed(given, self._behind.facts)
        except ConfigurationError as error:
            raise NotLoaded(*error.problems) from error

    async def _parsed(self, given: PlanText, facts: "Callable[[], PlanFacts] | None" = None) -> tuple["Plan", "Source"]:
        """
        The plan in a text; with `facts`, held against a configuration. One that was carried out before goes on also
        where it wouldn't be taken today. Raises `ConfigurationError`.
        """

        def parse() -> tuple["Plan", "Source"]:
            import proxy.rollout  # noqa: F401 - so that nobody waits for it on the loop
            from proxy.plan.check import checked
            from proxy.plan.parse import read_written
            from proxy.planbook import Source

            if facts is None:
                found = read_written(given.text, given.file)
                plan, hashed = found.plan, found.hash
            else:
                held = checked(given.text, given.file, facts())
                plan, hashed = held.plan, held.hash
            own = _own_words(self._folder(given.file), plan.comms.templates)
            return plan, Source(text=given.text, file=given.file, hash=hashed, own=own)

        return await on_thread("read the plan", parse)

    def _folder(self, file: str) -> Path:
        return Path(file).parent if Path(file).is_absolute() else Path(self._behind.folder)

    async def _replace(self, given: PlanText, hashed: str) -> None:
        """
        Another text is to be started: it takes the place of one that doesn't run.
        """
        rollout = self._rollout
        if rollout is None and self._trouble is not None:
            raise NotYet(self._trouble)
        if rollout is not None and rollout.source.hash == hashed and rollout.state.phase == "draft":
            return
        if rollout is not None and rollout.is_running:
            raise Held("a plan runs already; abort it first, or amend it")
        self._given = given
        await self._begin(given, lost=False)
        self._behind.remember(given)

    # ... and beside it, what people change by hand.

    async def by_hand(self, who: Who, change: Change) -> Outcome | None:
        """
        What becomes of a change that isn't the plan's: None, and it may be made as it is asked for. Less for new is
        always given, and the plan holds by itself. Raises `Refusal`.
        """
        rollout, table = self._rollout, self._facts.table
        if rollout is None or table is None or not rollout.is_running or change.calms(table):
            return None
        if not change.override:
            raise Held("a plan runs, and it says how much new gets; send override: true if you may force it")
        return await rollout.override(change, who)

    def before_restore(self) -> Change | None:
        """
        What is to be in force when a kill is lifted while a plan runs: copies and nothing else.
        """
        rollout = self._rollout
        if rollout is None or not rollout.is_running:
            return None
        return self.sight.change_to(rollout.quiet(), "restored while a plan runs: its resume shifts again")


def _check_right(plan: "Plan", who: Who) -> None:
    from proxy.plan.commands import check_right
    from proxy.plan.moves import Forbidden

    try:
        check_right(plan, who.name, "start")
    except Forbidden as error:
        raise MayNot(str(error)) from error


def _own_words(folder: Path, templates: str | None) -> dict[str, str]:
    """
    The plan's own templates of notices by event; those that can't be read are Parallax' own. Blocks.
    """
    own = {}
    for path in () if templates is None else sorted((folder / templates).glob("*.j2")):
        with suppress(OSError, UnicodeError):
            own[path.stem] = path.read_text()
    return own
