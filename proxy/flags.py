"""
Asks an OpenFeature provider what flags say, for workers that want to know. On threads: a provider may hang for as long
as it likes, and nobody waits for it but a thread of its own; what isn't answered is asked for again while anybody wants
it.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, Final, Literal

import orjson

from proxy.admin.facts import Asking
from proxy.crash import told
from proxy.errors import LinkError
from proxy.link.frames import Kind
from proxy.tasks import spawn
from proxy.threads import Thread, on_thread

# Evaluations at once; seconds until one counts as hung, and is left to itself; so many may be at a time. Threads can't
# be ended from outside: without a bound, a provider that hangs for good would fill the process with them.
THREADS: Final = 4
SECONDS: Final = 2.0
GIVEN_UP: Final = 16
# A provider that isn't made by then is told of, and waited for.
START_SECONDS: Final = 10.0
# Questions that wait.
WAITING: Final = 10_000
# Answers are sent together after so many seconds.
BATCH: Final = 0.02

Question = tuple[str, str]
State = Literal["answers", "hangs", "down"]
SAID: Final[dict[State, str]] = {
    "answers": "",
    "hangs": "evaluations of flags hang, and get no answer",
    "down": "the provider of flags is down: all evaluations hang",
}


class Flags:
    """
    `start` it with a provider, as "module:callable"; `take` what workers ask. `send` sends frames, `tell` logs,
    `asking` gets what is wrong. An evaluation that takes `seconds` hangs.
    """

    def __init__(
        self,
        send: Callable[[Kind, bytes], object],
        tell: Callable[..., None],
        asking: Asking,
        *,
        seconds: float = SECONDS,
    ) -> None:
        self._seconds = seconds
        self._loop: asyncio.AbstractEventLoop
        self._send = send
        self._tell = tell
        self._asking = asking
        self._client: Any = None
        self._questions: asyncio.Queue[Question] = asyncio.Queue()
        # Those that wait, and those that threads are at, also if they hang: what hangs isn't asked again meanwhile, or
        # one key would take all threads.
        self._pending: set[Question] = set()
        self._hung: set[Question] = set()
        self._stuck = 0
        self._state: State = "answers"
        self._answers: list[tuple[str, str, bool]] = []

    def start(self, provider: str) -> None:
        """
        Have a provider answer, as soon as it is ready.
        """
        self._loop = asyncio.get_running_loop()
        spawn(self._begin(provider), name="flag provider")

    def take(self, payload: bytes) -> None:
        """
        Questions of a worker: a list of flags with keys, whose bytes are characters up to U+00FF. Raises
        `LinkError`.
        """
        try:
            questions = [(str(flag), str(key)) for flag, key in orjson.loads(payload)]
        except (TypeError, ValueError) as error:
            raise LinkError("questions about flags have the wrong shape") from error
        if self._client is None or self._stuck == THREADS:
            return
        for question in questions:
            if question not in self._pending and len(self._pending) < WAITING:
                self._pending.add(question)
                self._questions.put_nowait(question)

    async def _begin(self, provider: str) -> None:
        opening = on_thread("flag provider", lambda: _open(provider))
        await asyncio.wait({opening}, timeout=START_SECONDS)
        if not opening.done():
            self._not_started(provider, error="Timeout", seconds=START_SECONDS)
        try:
            self._client = await opening
        except Exception as error:  # noqa: BLE001 - somebody else's code; requests go by the native decision
            self._not_started(provider, **told(error))
            return
        if self._asking.provider:
            self._asking.provider = ""
            self._tell("info", "flags_started", provider=provider)
        for number in range(THREADS):
            spawn(self._work(number), name=f"flags {number}")

    def _not_started(self, provider: str, **why: Any) -> None:
        self._asking.provider = f"flags decide nothing: {provider} makes no provider; flags_not_started says why"
        self._tell("error", "flags_not_started", provider=provider, **why)

    async def _work(self, number: int) -> None:
        """
        One question after the other, on a thread; one that hangs is left to itself, and the next gets another thread.
        """
        thread = Thread(f"flags {number}")
        while True:
            question = await self._questions.get()
            evaluation = thread.run(partial(_evaluate, self._client, *question))
            await asyncio.wait({evaluation}, timeout=self._seconds)
            if evaluation.done():
                self._pending.discard(question)
                self._answered(question, *evaluation.result())
                continue
            self._hung.add(question)
            evaluation.add_done_callback(partial(self._came_back, question))
            if len(self._hung) <= GIVEN_UP:
                if self._state == "answers":
                    self._become("hangs", question[0])
                thread.end()
                thread = Thread(f"flags {number}")
            else:
                await self._wait_stuck(evaluation, question[0])

    async def _wait_stuck(self, evaluation: "asyncio.Future[Any]", flag: str) -> None:
        """
        No more threads are given up: wait for this one, however long it takes.
        """
        self._stuck += 1
        if self._stuck == THREADS:
            self._become("down", flag)
            # Nobody is left who could answer these; workers ask again.
            while not self._questions.empty():
                self._pending.discard(self._questions.get_nowait())
        await asyncio.wait({evaluation})
        self._stuck -= 1

    def _came_back(self, question: Question, _evaluation: "asyncio.Future[Any]") -> None:
        """
        What it says by now is as good as unknown: it may be of any age.
        """
        self._hung.discard(question)
        self._pending.discard(question)

    def _become(self, state: State, flag: str) -> None:
        """
        Tell of a change, and have `asking` warn as long as it isn't for the better.
        """
        self._state = state
        what = SAID[state]
        self._asking.provider = f"{what}; clients go by what was known, then by the native decision" if what else ""
        match state:
            case "answers":
                self._tell("info", "flags_answer_again")
            case "hangs":
                self._tell("warning", "flags_hang", flag=flag, seconds=self._seconds)
            case "down":
                self._tell("error", "flags_down", flag=flag, hung=len(self._hung))

    def _answered(self, question: Question, value: bool | None, trouble: str) -> None:
        flag, key = question
        if self._state == "down" or (self._state == "hangs" and not self._hung):
            self._become("hangs" if self._hung else "answers", flag)
        troubles = self._asking.flags
        if troubles.get(flag, "") != trouble:
            if trouble:
                troubles[flag] = trouble
                self._tell("warning", "flag_not_evaluated", flag=flag, why=trouble)
            else:
                del troubles[flag]
                self._tell("info", "flag_evaluated_again", flag=flag)
        if value is None:
            return
        if not self._answers:
            self._loop.call_later(BATCH, self._flush)
        self._answers.append((flag, key, value))

    def _flush(self) -> None:
        answers, self._answers = self._answers, []
        self._send(Kind.FLAGS_SAID, orjson.dumps(answers))


def _open(provider: str) -> Any:
    """
    A client of the provider that a callable makes. Blocks.
    """
    from openfeature import api

    # Of each failure it logs a traceback; a provider that is down is told once, by us.
    logging.getLogger("openfeature").setLevel(logging.CRITICAL)
    module, _, name = provider.partition(":")
    api.set_provider(getattr(import_module(module), name)())
    return api.get_client()


def _evaluate(client: Any, flag: str, key: str) -> tuple[bool | None, str]:
    """
    What a flag says of a key, None for nothing, and why not. What is no boolean is nothing.
    """
    from openfeature.evaluation_context import EvaluationContext

    context = EvaluationContext(targeting_key=key.encode("latin-1").decode("utf-8", "replace"))
    try:
        found = client.get_boolean_details(flag, False, context)
    except Exception as error:  # noqa: BLE001 - somebody else's code
        return None, type(error).__name__
    if found.error_code is not None:
        return None, str(getattr(found.error_code, "value", found.error_code))
    return (found.value, "") if isinstance(found.value, bool) else (None, "TYPE_MISMATCH")
