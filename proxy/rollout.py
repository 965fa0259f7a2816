"""
STORY 3: a plan is carried out, one tick after the other: what is so, one step of `plan.step`, and what comes of that.

1. A tick looks at what is so at that moment, and never waits for a network: whoever is asked outside answers a task of
   his own (`inquiries`). So a tick that failed, or that nobody made, is made up for by the next.
2. One tick or command at a time. A rollback, a hold or an abort waits for nobody: it goes from what is being saved at
   that moment, and whoever is saving finds that another has had his turn, and does nothing more.
3. A shift is saved before it is put into force; less is put into force before it is saved, and that is tried until it
   succeeds. So no more is ever in force than the store knows of, whoever dies when.
4. What new gets goes through steering, as anybody's change does: one epoch each, in the audit, acknowledged by workers.
5. Workers count the events of gates and guards all their lives, and control reads on where it stopped; that place is
   kept with the evidence. So a restart of control neither loses nor repeats any.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from proxy.admin.changes import LONGEST_REASON, Change
from proxy.admin.steering import Forbidden as MayNot
from proxy.admin.steering import Held, Outcome, Outdated, Refusal, Unsaved, Who
from proxy.admin.steering import Stale as Overtaken
from proxy.clock import monotonic, time
from proxy.crash import told
from proxy.gates.promql import Reading
from proxy.gates.webhook import Reply
from proxy.ledger import PARALLAX, Unkept
from proxy.means import Means
from proxy.metrics.exposition import PlanGauges
from proxy.plan.commands import obey, overridden, would_start
from proxy.plan.exposure import Exposure, nothing
from proxy.plan.judging import Judging, evidence_digest
from proxy.plan.model import Plan
from proxy.plan.moves import Action, Apply, Check, Command, Forbidden, NotAllowed, Readings, Save, Stale, Tell
from proxy.plan.show import Seen, gauges, status
from proxy.plan.state import Phase, State
from proxy.plan.step import step
from proxy.plan.telling import channels, notices
from proxy.planbook import Page, Source
from proxy.store.notices import put
from proxy.tasks import spawn

TICK_SECONDS: Final = 1.0
# Steps that follow each other without waiting: from passed to the next stage in force it takes six.
STEPS_AT_ONCE: Final = 10
# Evidence that was gathered since is read again from the workers' totals, as long as they live.
EVIDENCE_SECONDS: Final = 10.0
# A wall clock drifts from the other by less between two ticks.
STEADY: Final = 1.0
# Obeyed at once, whatever else goes on.
URGENT: Final = frozenset({"rollback", "hold", "abort"})
# A start waits so long for what has to be looked at first; who asks for it waits a little longer.
PREPARE_SECONDS: Final = 9.0
PATIENCE: Final = 5.0  # so long an answer waits for what is kept afterwards


class Rollout:
    """
    One plan, from where `state` says that it is. `start` begins to tick.
    """

    def __init__(self, plan: Plan, source: Source, state: State, means: Means) -> None:
        self.plan = plan
        self.source = source
        self.state = state
        self._means = means
        self.judging = Judging(plan)
        means.inquiries.deliver = self._answered
        self._who = Who(name=f"plan {plan.plan}", role="plan", peer="")
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        # Counts whose turn it is; and the state that is being saved, if one is.
        self._turns = 0
        self._saving: State | None = None
        self._ticking: asyncio.Task[Any] | None = None
        self._applying: tuple[Exposure, asyncio.Task[Any]] | None = None
        self._ticked: tuple[float, float] | None = None
        self._kept_at = monotonic()
        self.troubles: dict[str, str] = {}

    def start(self) -> None:
        """
        Tick once a second, and whenever there is news, until `stop`.
        """
        self._ticking = spawn(self._tick_on(), name="rollout")

    def stop(self) -> None:
        """
        Another plan takes its place.
        """
        self._means.inquiries.stop()
        if self._ticking is not None:
            self._ticking.cancel()

    def restore(self, evidence: Mapping[str, Any]) -> None:
        """
        Go on with evidence that was kept. What can't be read, as another version wrote it, is gathered anew.
        """
        try:
            self.judging.restore(evidence, time())
            self._means.sight.read_on(evidence["read"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self.judging = Judging(self.plan)
            self._means.tell("warning", "plan_evidence_lost", **told(error))

    async def resume(self, state: State, actions: tuple[Action, ...]) -> None:
        """
        Take over, as `plan.step.resumed` or `recovered` say, and start.
        """
        await self._carry_out(state, actions, PARALLAX, "control has taken over")
        self.start()

    def keep_again(self) -> None:
        """
        The store was begun anew: it gets what is so.
        """
        self._keep(self.state, [], PARALLAX, "the store was begun anew")

    @property
    def is_running(self) -> bool:
        """
        Whether it says what new gets.
        """
        return self.state.phase is Phase.RUNNING

    def wake(self) -> None:
        """
        There is news: look now.
        """
        self._news.set()

    async def _tick_on(self) -> None:
        steps = 0
        while True:
            seq = self.state.seq
            try:
                async with self._turn:
                    await self.tick()
                self.troubles.pop("tick", None)
            except Unkept:
                pass  # the ledger has told of it, and the status does
            except Exception as error:  # noqa: BLE001 - the next tick begins anew from what is so
                self.troubles["tick"] = f"the plan is not carried out: Parallax failed ({type(error).__name__})"
                self._means.tell("error", "plan_tick_failed", **told(error))
            # One step leads to the next, if nothing is waited for.
            steps = steps + 1 if self.state.seq != seq else 0
            if 0 < steps <= STEPS_AT_ONCE:
                continue
            steps = 0
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._news.wait()

    # One tick...

    async def tick(self) -> None:
        """
        What is so, one step, and what comes of it.
        """
        # Asking for and counting what the plan wants to know, ...
        self._means.inquiries.follow(self.plan, self.state)
        self._arm()
        self._judge()
        # ... looking at all there is, ...
        now = time()
        pairs, jump = self._means.sight.clean(self.state.pins), self._clock_jump(now)
        readings = replace(self._readings(now), clean=pairs, clock_jump=jump)
        # ... one step, ...
        state, actions = step(self.plan, self.state, readings, now)
        self._means.sight.blame(self.plan, self.state, state, readings)
        # ... and what comes of it.
        await self._carry_out(state, actions, self._who, "")
        await self._keep_evidence()

    def _arm(self) -> None:
        wanted = self.judging.events if self.state.phase in (Phase.DRAFT, Phase.RUNNING) else ()
        if self._means.sight.armed != wanted:
            self._means.traffic.arm(wanted)

    def _judge(self) -> None:
        self.judging.follow(self.state)
        counts, seconds = self._means.sight.counted(self.judging.events, time())
        self.judging.take(counts, seconds)

    def _readings(self, now: float) -> Readings:
        # Not what is told once only: a command doesn't count it, and it is the next tick's.
        sight, gates = self._means.sight, self.plan.gates
        sight.look(now)
        outcomes = self.judging.outcomes(self._gates())
        failed = {name: one for name, one in outcomes.items() if one.result == "fail"}
        return Readings(
            outcomes=outcomes,
            trips=tuple(sight.traced(one, self.plan.guards[one.guard], now) for one in self.judging.trips()),
            causes={name: sight.causes(gates[name], one.n, now) for name, one in failed.items()},
            late=sight.late(now),
            epoch=self.judging.epoch,
            armed=self.judging.armed,
            evidence=evidence_digest(outcomes),
            errors=self.judging.errors,
            identity=sight.identity(),
            in_force=sight.in_force(),
            acknowledged=not sight.lagging() and not self._is_applying,
            lagging=sight.lagging(),
            killed=self._means.facts.killed,
            silent=sight.silent(),
            uncompared=sight.uncompared(),
            checks=self._means.inquiries.checks,
            undelivered=self._undelivered(),
        )

    def _undelivered(self) -> tuple[str, ...]:
        """
        Notices of this run that must be delivered, and aren't yet.
        """
        waiting, run = self._means.notifier.waiting, f"{self.state.run}-"
        if waiting is None:
            return ("notices that were put just now",) if self.plan.comms.must_deliver else ()
        return tuple(f"{one.event} to {one.channel}" for one in waiting if one.must and one.id.startswith(run))

    def _gates(self) -> tuple[str, ...]:
        return self.plan.stages[self.state.at].gates if self.state.at >= 0 else ()

    def _clock_jump(self, now: float) -> float:
        before, self._ticked = self._ticked, (now, monotonic())
        if before is None:
            return 0.0
        jump = (now - before[0]) - (self._ticked[1] - before[1])
        return jump if abs(jump) > STEADY else 0.0

    # ... what comes of a step...

    async def _carry_out(self, state: State, actions: tuple[Action, ...], who: Who, reason: str) -> None:
        """
        The actions of a step, in their order. Raises `Unkept` when the state can't be saved: then nothing is done.
        """
        turn, tells = self._turns, [action for action in actions if isinstance(action, Tell)]
        for action in actions:
            match action:
                case Save(late=True):
                    self._keep(state, tells, who, reason)
                case Save():
                    if not await self._save(state, tells, who, reason) or turn != self._turns:
                        return
                case Apply():
                    self._apply(action)
                case Check():
                    self._means.inquiries.check(action.checklist)
                case Tell():
                    pass  # kept together with the state
        if turn == self._turns:
            self.state = state

    async def _save(self, state: State, tells: list[Tell], who: Who, reason: str) -> bool:
        self._saving = state
        try:
            await self._means.book.write(self._page(state, who, reason), self._also(tells, state))
        except Unkept as error:
            self.troubles["store"] = f"nothing can be saved, so the plan stays where it is: {error}"
            raise
        finally:
            self._saving = None
        self.troubles.pop("store", None)
        if tells:
            self._means.notifier.wake()
        return True

    def _keep(self, state: State, tells: list[Tell], who: Who, reason: str) -> "asyncio.Future[None]":
        # It is so from now on, whatever the store says; what was being saved is overtaken.
        self._turns += 1
        page = self._page(state, who, reason)
        self.state = state
        kept = self._means.book.keep(page, self._also(tells, state))
        kept.add_done_callback(lambda _: self._means.notifier.wake())
        return kept

    def _page(self, state: State, who: Who, reason: str) -> Page:
        self.judging.follow(state)
        evidence = {**self.judging.as_values(), "read": self._means.sight.read_up_to()}
        return Page(source=self.source, state=state, evidence=evidence, who=who, reason=reason, before=self.state)

    def _also(self, tells: list[Tell], state: State) -> Callable[[Any], None]:
        """
        What is saved in the same transaction: the notices of a transition.
        """
        means = self._means
        made = notices(self.plan, tells, seq=state.seq, now=time(), address=means.address, own=means.own)
        return lambda connection: put(connection, made)

    def _apply(self, action: Apply) -> None:
        if self._is_applying and self._applying is not None and self._applying[0] == action.exposure:
            return
        change = self._means.sight.change_to(action.exposure, action.reason[:LONGEST_REASON])
        try:
            # What gives new less is in force from here on: whoever looks next finds it so.
            work = self._means.traffic.carry(self._who, change)
        except Refusal as error:
            self._not_applied(error)
        else:
            self._applying = action.exposure, spawn(self._put(work), name="put the plan into force")

    def _not_applied(self, error: Refusal) -> None:
        # The next tick finds that it isn't in force, and says so again; what was overtaken is wanted no more.
        if isinstance(error, Overtaken):
            return
        self.troubles["traffic"] = f"what the plan wants can't be put into force: {error}"
        self._means.tell("warning", "plan_not_applied", reason=str(error))

    @property
    def _is_applying(self) -> bool:
        return self._applying is not None and not self._applying[1].done()

    async def _put(self, work: Coroutine[Any, Any, Outcome]) -> None:
        try:
            await work
            self.troubles.pop("traffic", None)
        except Refusal as error:
            self._not_applied(error)
        self.wake()

    async def _keep_evidence(self) -> None:
        if self.state.phase is not Phase.RUNNING or monotonic() - self._kept_at < EVIDENCE_SECONDS:
            return
        self._kept_at = monotonic()
        page = self._page(self.state, self._who, "")
        # Not waited for: a disk that hangs must not blind the guards.
        spawn(self._means.book.note_evidence(page), name="keep evidence", on_error=lambda _: None)

    # ... and what people want.

    async def command(self, command: Command, who: Who, source: Source | None = None) -> dict[str, Any]:
        """
        Obey, and say how it is then; `source` is the new text for an amendment. Raises `Refusal`.
        """
        if command.name in URGENT:
            await asyncio.wait({self._obey_now(command, who)}, timeout=PATIENCE)
        else:
            async with self._turn:
                await self._obey(command, who, source or self.source)
        self.wake()
        return self.status()

    def _obey_now(self, command: Command, who: Who) -> "asyncio.Future[None]":
        """
        Without waiting for anybody: from what is being saved at this moment, if anything is.
        """
        state, actions = self._obeyed(command, self._saving or self.state)
        for action in actions:
            if isinstance(action, Apply):
                self._apply(action)
        return self._keep(state, [action for action in actions if isinstance(action, Tell)], who, command.reason)

    async def _obey(self, command: Command, who: Who, source: Source) -> None:
        state, actions = self._obeyed(command, self.state)
        before, self.source = self.source, source
        try:
            await self._carry_out(state, actions, who, command.reason)
        except Unkept as error:
            self.source = before
            raise Unsaved(f"nothing is changed, because it can't be saved: {error}") from error
        if command.plan is not None:
            self._go_by(command.plan)

    def _answered(self, name: str, answer: Reading | Reply, at: float) -> None:
        self.judging.answered(name, answer, at)
        self.wake()

    def _go_by(self, plan: Plan) -> None:
        evidence = self.judging.as_values()
        self.plan, self.judging = plan, Judging(plan)
        self.judging.restore(evidence, time())
        self._means.notifier.use(channels(plan), self._means.folder)

    async def prepare(self, command: Command) -> None:
        """
        Look at everything that must be so before a start, for as long as that takes or is waited for; channels get
        their test messages last, and only if nothing else keeps it from being started.
        """
        inquiries, end = self._means.inquiries, monotonic() + PREPARE_SECONDS
        await inquiries.prepare(PREPARE_SECONDS)
        if would_start(self.plan, self.state, self._readings(time()), command, time()):
            await inquiries.try_channels(end - monotonic())

    def quiet(self) -> Exposure:
        """
        What may be in force when a kill is lifted: no more than was wanted, and of that only copies.
        """
        return replace(nothing(self.state.wanted), mirror=self.state.wanted.mirror)

    async def override(self, change: Change, who: Who) -> Outcome:
        """
        Somebody who may force gives new more by hand: the plan takes it for what is wanted from now on, and holds.
        Raises `Refusal`.
        """
        async with self._turn:
            table, exposure = self._means.facts.table, self._means.sight.after(change)
            if change.epoch is None and table is not None:
                # A rollback that comes while this is being saved stands.
                change = replace(change, epoch=table.epoch)
            command = Command(name="force", by=who.name, reason=change.reason)
            try:
                state, actions = overridden(self.plan, self.state, exposure, command, time())
                await self._carry_out(state, actions, who, change.reason)
            except Forbidden as error:
                raise MayNot(str(error)) from error
            except Unkept as error:
                raise Unsaved(f"nothing is changed, because it can't be saved: {error}") from error
            return await self._means.traffic.carry(who, change)

    def _obeyed(self, command: Command, state: State) -> tuple[State, tuple[Action, ...]]:
        now = time()
        try:
            return obey(self.plan, state, self._readings(now), command, now)
        except Stale as error:
            raise Outdated(str(error), state.seq) from error
        except Forbidden as error:
            raise MayNot(str(error)) from error
        except NotAllowed as error:
            raise Held(str(error)) from error

    def status(self) -> dict[str, Any]:
        """
        `GET /admin/plan`.
        """
        return {**status(self.plan, self.state, self._seen(), time()), "file": self.source.file}

    def gauges(self) -> PlanGauges:
        """
        What metrics tell of it.
        """
        return gauges(self.plan, self.state, self._seen())

    def _seen(self) -> Seen:
        sight = self._means.sight
        return Seen(
            outcomes=self.judging.outcomes(self._gates()),
            guards=self.judging.guards(max(sight.silent(), sight.uncompared())),
            in_force=sight.in_force(),
            killed=self._means.facts.killed,
            checks=self._means.inquiries.checks,
            undelivered=self._undelivered(),
            troubles=tuple(self.troubles.values()),
        )
