"""
STORY: what operators want becomes what workers do, and stays so whoever dies. Who waits for whom:

1. A kill is one frame to the supervisor, which tells the workers. It waits for no lock and no store.
2. A change that gives new no more of anything is put together and published within one turn of the loop, whatever
   else goes on. It is saved afterwards, as soon as that is possible.
3. Any other change waits for its turn, is saved (within `ledger.PATIENCE`, else refused), and published after that. If
   one of the second kind came in between, that one has the greater epoch and stands; this one is refused.
4. A save that was given up may be on disk nonetheless. So what is in force gets an epoch above it at once; that is
   what a successor finds with the supervisor, and saves.
5. A reload is read on a thread, and put into force within one turn of the loop, with the intent of that moment.
6. At the start the newer of store and supervisor counts. After a first change, what is in force does.
7. Acknowledgements are waited for outside all this, for `publication.WAIT` at most.

So control, killed at any point, leaves nothing behind; or a greater epoch in the store, which its successor publishes;
or one with the supervisor, which its successor saves.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from proxy.admin.changes import Change, read_change, read_reason
from proxy.admin.facts import Facts, Steered
from proxy.admin.steering import NotLoaded, NotYet, Outcome, Refusal, Stale, Unsaved, Who
from proxy.admin.warnings import of_configuration
from proxy.clock import time
from proxy.compare.judging import Accepted
from proxy.crash import told
from proxy.errors import ConfigurationError
from proxy.evidence.waivers import Waiver
from proxy.gates.events import EventSpec
from proxy.latching import Latching
from proxy.learning import Learning
from proxy.ledger import PARALLAX, Ledger, Unkept, line
from proxy.lines import entry, entry_of_found, refused, troubles
from proxy.link.frames import Kind
from proxy.link.setup import PlanText, Setup
from proxy.link.setup import encode as encode_setup
from proxy.planned import Behind, Planned
from proxy.publication import Publication, Send
from proxy.reloading import Configuration, Watch, doubts, plan_facts, read_from, read_in_time, show
from proxy.routing.intent import Intent, as_values, with_intent
from proxy.routing.table import Table
from proxy.rulebook import Rulebook
from proxy.tasks import spawn
from proxy.threads import on_thread
from proxy.waiving import Waiving

LOOK_SECONDS = 1.0
FILE = Who(name="file", role="", peer="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """
    What steering does beyond its own memory and store: `send` a frame to the supervisor, `tell` the log, `publish` an
    event to who listens, `equip` the admin port for a setup (or raise `ConfigurationError` and change nothing).
    """

    send: Send
    tell: Callable[..., None]
    publish: Callable[[str, dict[str, Any]], None]
    equip: Callable[[Setup], Awaitable[None]]


class Steering:
    """
    What `admin.steering.Steering` asks for. Begins once `facts` has a table and a status.
    """

    def __init__(self, facts: Facts, setup: Setup, outside: Outside) -> None:
        self._facts = facts
        self._setup = setup
        self._outside = outside
        self._publication = Publication(facts, outside.send)
        self.rulebook = Rulebook(facts, outside.send)
        self._ledger = Ledger(setup.store, self)
        self.noise = Learning(
            facts,
            self.rulebook,
            Path(setup.state),
            tell=outside.tell,
            publish=outside.publish,
            note=self._note_noise,
        )
        self._latching = Latching(self._publication, self._ledger, outside.send, setup.kill_file)
        self.waiving = Waiving(
            self._ledger,
            facts.signatures,
            self._put_waivers,
            epoch=lambda: self._publication.intent.epoch,
            tell=outside.tell,
        )
        behind = Behind(
            traffic=self,
            facts=lambda: plan_facts(self._setup),
            remember=self._remember,
            lagging=self._publication.lagging,
            troubles=lambda: tuple(troubles(self._ledger, ())),
            tell=outside.tell,
            folder=setup.folder,
            admin_url=f"{'http' if setup.tls is None else 'https'}://{setup.bound}",
        )
        self.plan = Planned(facts, self._ledger, behind, setup.plan)
        self._turn = asyncio.Lock()
        self._reloading = asyncio.Lock()
        self._last = self._publication.intent.epoch
        self._touched = False
        self._refused: tuple[str, ...] = ()
        self._reloaded_at: float | None = None

    def start(self) -> None:
        """
        Open the store, in the background.
        """
        self._ledger.start()
        self.noise.start()
        self._latching.told()
        self.refresh()

    def status_changed(self) -> None:
        """
        The supervisor has told its status anew.
        """
        self._latching.told()
        self._publication.wake()

    # Changes...

    async def change(self, who: Who, body: Mapping[str, Any]) -> Outcome:
        """
        See `admin.steering`.
        """
        change = read_change(body)
        change.check(self._publication.table)
        return await self._carry_through(self._by_hand(who, change))

    async def _by_hand(self, who: Who, change: Change) -> Outcome:
        return await self.plan.by_hand(who, change) or await self._change(who, change)

    def carry(self, who: Who, change: Change) -> Coroutine[Any, Any, Outcome]:
        """
        A change that the plan makes, or knows of. One that gives new no more is in force when this returns; the rest,
        and the waiting, is in what it returns. Raises `Refusal`, as that does.
        """
        change.check(self._publication.table)
        # Whoever takes something from new before this has its turn must not be undone by it.
        change = change if change.epoch is not None else replace(change, epoch=self._publication.intent.epoch)
        if change.calms(self._publication.table):
            return self._publication.acknowledged(*self._publish_first(who, change))
        return self._carry_through(self._change(who, change))

    def arm(self, events: tuple[EventSpec, ...]) -> int:
        """
        Have workers count these events, and no others; see `Publication.arm`.
        """
        return self._publication.arm(events)

    async def _change(self, who: Who, change: Change) -> Outcome:
        if change.calms(self._publication.table):
            place, saved = self._publish_first(who, change)
        else:
            async with self._turn:
                # Whoever had his turn before may have raised new above what is asked for here.
                if change.calms(self._publication.table):
                    place, saved = self._publish_first(who, change)
                else:
                    place, saved = await self._save_first(who, change), None
        return await self._publication.acknowledged(place, saved)

    def _publish_first(self, who: Who, change: Change) -> "tuple[int, asyncio.Future[None] | None]":
        self._refuse_stale(change)
        before = self._publication.intent
        after = change.of(before, self._next_epoch())
        place = self._publication.put_intent(after)
        self._tell_change(who, change, after)
        return place, self._ledger.keep(after, entry(who, change.action, change.reason, before, after))

    async def _save_first(self, who: Who, change: Change) -> int:
        # A starting control doesn't know yet what its predecessor saved.
        await self._ledger.settled()
        self._refuse_stale(change)
        self._refuse_unkept()
        before = self._publication.intent
        after = change.of(before, self._next_epoch())
        try:
            await self._ledger.save(after, entry(who, change.action, change.reason, before, after))
        except Unkept as error:
            self._give_up(before, after, error)
            said = f"nothing is changed, because it can't be saved: {error}"
            self._ledger.note(refused(who, change, after, self._publication.intent, said))
            raise Unsaved(said) from error
        # From here on nothing waits.
        if self._last != after.epoch:
            raise await self._take_back(who, change, after)
        self._tell_change(who, change, after)
        return self._publication.put_intent(after)

    def _give_up(self, before: Intent, after: Intent, error: Unkept) -> None:
        if error.maybe:
            self._outrun(f"epoch {after.epoch} was refused, and may be in the store nonetheless")
        elif self._last == after.epoch:
            self._last = before.epoch

    def _refuse_stale(self, change: Change) -> None:
        epoch = self._publication.intent.epoch
        if change.epoch is not None and change.epoch != epoch:
            raise Stale(f"epoch {change.epoch} is not the present one, {epoch}; look at that, then repeat", epoch)

    def _refuse_unkept(self) -> None:
        unsaved = self._publication.status.unsaved
        if unsaved is not None:
            raise Unsaved(f"nothing is changed, because the supervisor can't keep what is in force: {unsaved}")
        if not self._ledger.is_open and self._ledger.trouble is None:
            raise NotYet("the store is being opened; ask again in a second")

    async def _take_back(self, who: Who, change: Change, after: Intent) -> Stale:
        """
        The refusal of a change that is saved already: what takes it back is in the audit before it is told.
        """
        epoch = self._publication.intent.epoch
        said = f"epoch {epoch} came in between and stands; look at it, then repeat"
        await self._ledger.keep_now(refused(who, change, after, self._publication.intent, said))
        return Stale(said, epoch)

    def _tell_change(self, who: Who, change: Change, after: Intent) -> None:
        self._outside.tell("info", "intent_changed", **as_values(after), by=who.name, reason=change.reason)

    # ... the latch...

    async def kill(self, who: Who, body: Mapping[str, Any]) -> Outcome:
        """
        See `admin.steering`.
        """
        return await self._carry_through(self._latching.kill(who, read_reason(body)))

    async def restore(self, who: Who, body: Mapping[str, Any]) -> Outcome:
        """
        See `admin.steering`.
        """
        return await self._carry_through(self._restore(who, read_reason(body)))

    async def _restore(self, who: Who, reason: str) -> Outcome:
        if self._publication.status.latch.killed and (quiet := self.plan.before_restore()) is not None:
            await self._change(who, quiet)
        return await self._latching.restore(who, reason)

    # ... the configuration...

    async def reload(self, who: Who, body: Mapping[str, Any]) -> Outcome:
        """
        See `admin.steering`.
        """
        return await self._carry_through(self._reload(who, read_reason(body)))

    async def watch(self) -> None:
        """
        Reload whenever the file or a certificate has changed, for ever.
        """
        watch = Watch()
        while self._setup.file is not None or self._setup.files:
            await asyncio.sleep(LOOK_SECONDS)
            setup = self._setup
            try:
                shown = await on_thread("look at the configuration", lambda: show(setup))  # noqa: B023 - awaited here
            except ConfigurationError as error:
                self._outside.tell("warning", "configuration_unwatched", reason=str(error))
                return
            if watch.is_due(shown, read_from(self._setup)):
                what = "the file" if shown.content != self._setup.content else "a certificate"
                try:
                    await self._reload(FILE, f"{what} has changed", shown.content)
                except Refusal:
                    pass  # it has been told
                except Exception as error:  # noqa: BLE001 - one file that breaks us must not end the watch
                    self._outside.tell("error", "reload_broken", **told(error))

    async def _reload(self, who: Who, reason: str, content: str | None = None) -> Outcome:
        """
        `content`: only if the file still shows that.
        """
        async with self._reloading:
            try:
                configuration = await read_in_time(self._setup, content)
                if configuration is None:
                    return Outcome()
                await self._outside.equip(configuration.setup)
            except ConfigurationError as error:
                self._tell_refused(who, reason, error)
                raise NotLoaded(*error.problems) from error
            # From here to `keep` nothing waits.
            before = self._publication.table
            place = self._take_over(configuration, is_asked=content is None)
            self._tell_reloaded(who, before, configuration)
            digests = {"digest": before.digest}, {"digest": self._publication.table.digest}
            epoch = self._publication.intent.epoch
            saved = self._ledger.keep(None, line(who, "reload", reason, *digests, epoch=epoch))
        return await self._publication.acknowledged(place, saved)

    def _take_over(self, configuration: Configuration, *, is_asked: bool) -> int:
        table = with_intent(configuration.table, self._publication.intent)
        before = self._publication.table
        table = replace(table, signing=before.signing, events=before.events)
        # Who asks gets it again even if it is the same: the files that it names may be others.
        place = self._publication.put(table) if is_asked or table != before else self._publication.place
        self.rulebook.follow(configuration.judging)
        # After the table: a successor that finds only that reloads once more. The other way round it never would.
        self._setup = replace(configuration.setup, plan=self._setup.plan)
        self._outside.send(Kind.SETUP, encode_setup(self._setup))
        return place

    def _remember(self, plan: PlanText) -> None:
        self._setup = replace(self._setup, plan=plan)
        self._outside.send(Kind.SETUP, encode_setup(self._setup))

    def _tell_reloaded(self, who: Who, before: Table, configuration: Configuration) -> None:
        after = self._publication.table
        self._refused, self._reloaded_at = (), time()
        self.refresh()
        warnings = [*configuration.warnings, *doubts(before, after), *of_configuration(self._facts, after)]
        self._outside.tell("info", "reloaded", by=who.name, digest=after.digest, warnings=warnings)
        self._outside.publish("reload", {"ok": True, "error": None, "digest": after.digest})

    def _tell_refused(self, who: Who, reason: str, error: ConfigurationError) -> None:
        digest, epoch = self._publication.table.digest, self._publication.intent.epoch
        self._refused = error.problems
        self._outside.tell("error", "reload_refused", by=who.name, problems=list(error.problems))
        self._outside.publish("reload", {"ok": False, "error": str(error), "digest": digest})
        self._ledger.note(line(who, "refused", f"{reason or 'reload'} ({error})", None, None, epoch=epoch))
        self.refresh()

    # ... what operators accept...

    def _put_waivers(self, waivers: Mapping[str, Waiver]) -> None:
        self.rulebook.change(
            waived=frozenset(waivers),
            accepted=tuple(Accepted(endpoint=one.endpoint, parts=one.parts) for one in waivers.values()),
        )

    # ... and what is kept of it all.

    async def audit(self, limit: int, before: int | None) -> list[dict[str, Any]]:
        """
        See `admin.steering`.
        """
        try:
            return await self._ledger.entries(limit, before)
        except Unkept as error:
            raise NotYet(f"the audit can't be read: {error}") from error

    @property
    def intact(self) -> bool | None:
        """
        See `admin.steering`.
        """
        return self._ledger.intact

    def _note_noise(self, who: Who, action: str, reason: str, after: Any) -> "asyncio.Future[None]":
        return self._ledger.keep(None, line(who, action, reason, None, after, epoch=self._publication.intent.epoch))

    def note(self, who: Who, action: str, reason: str) -> None:
        """
        See `admin.steering`.
        """
        self._ledger.note(line(who, action, reason, None, None, epoch=self._publication.intent.epoch))

    def opened(self, stored: Intent | None, trouble: str | None) -> None:
        """
        See `ledger.Owner`: what is in the store and what is in force become one.
        """
        ours = self._publication.intent
        if stored is not None and stored != ours and stored.epoch >= ours.epoch:
            self._recover(stored)
        elif stored != ours and self._ledger.unsaved != ours.epoch:
            self._ledger.keep(ours, entry_of_found(stored, ours, trouble))
        if trouble is not None:
            self._latching.tell_again()
        self.waiving.opened()
        self.plan.opened(lost=stored is None and ours.epoch > 1)
        self.refresh()

    def _recover(self, stored: Intent) -> None:
        ours, self._last = self._publication.intent, max(self._last, stored.epoch)
        if self._touched or stored.epoch == ours.epoch > 1:
            # Somebody has seen what is in force, and changed it; or did so in the life before, while the store had a
            # change that was never published. (Epoch 1 is a first start's, for who has lost all but the store.)
            self._outrun(f"the store had epoch {stored.epoch}, which was not in force")
        elif stored.epoch > ours.epoch:
            self._publication.put_intent(stored)
            self._outside.tell("info", "intent_recovered", epoch=stored.epoch, new=stored.new, mirror=stored.mirror)
        else:
            after = replace(stored, epoch=self._next_epoch())
            self._publication.put_intent(after)
            self._ledger.keep(after, entry(PARALLAX, "recovered", "the store had another intent", ours, after))

    def _outrun(self, reason: str) -> None:
        """
        Put what is in force above whatever the store may hold.
        """
        before = self._publication.intent
        after = replace(before, epoch=self._next_epoch())
        self._publication.put_intent(after)
        self._ledger.keep(after, entry(PARALLAX, "recovered", reason, before, after))

    def _next_epoch(self) -> int:
        if not self._touched and not self._ledger.is_open:
            # Nobody knows yet whether the store has what was found with the supervisor; its line comes before the next.
            found = self._publication.intent
            self._ledger.keep_found(found, lambda stored: entry_of_found(stored, found, None))
        self._touched = True
        self._last += 1
        return self._last

    def written(self, written: dict[str, Any]) -> None:
        """
        See `ledger.Owner`.
        """
        self._outside.publish("audit", written)
        self.refresh()

    def tell(self, level: str, event: str, /, **fields: Any) -> None:
        """
        See `ledger.Owner`.
        """
        self._outside.tell(level, event, **fields)
        self.refresh()

    def refresh(self) -> None:
        """
        Put into the facts what is the matter. Once in a while too: that nothing happens, nobody tells.
        """
        self._facts.steered = Steered(
            file=self._setup.file,
            new=self._setup.new,
            mirror=self._setup.mirror,
            reload_successful=not self._refused,
            reloaded_at=self._reloaded_at,
            troubles=tuple(troubles(self._ledger, self._refused)),
        )

    async def _carry_through(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        """
        What has begun is ended even if whoever asked is gone: what was saved has to be published.
        """
        outcome: Outcome = await asyncio.shield(spawn(work, name="change", on_error=lambda _: None))
        self.refresh()
        return outcome
