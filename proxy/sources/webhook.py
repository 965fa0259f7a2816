"""
Asks the webhook of a gate. What an answer means is said elsewhere: `gates.webhook`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from proxy.outward import Answer, Question, Silence, ask_whole

SECONDS: Final = 10.0
# Of an answer, which is a status and at most a few words.
LIMIT: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    What a gate's webhook is told, as JSON: `hash` is the plan's, so that a yes to one plan is none to another.
    """

    plan: str
    hash: str
    stage: str
    attempt: int
    gate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """
    One webhook; all but the address as `outward.Question` has it, and that may be `env:NAME` or `file:PATH` too.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    ca: str = ""
    folder: Path = Path()
    seconds: float = SECONDS

    async def ask(self, asked: Asked) -> Answer | Silence:
        """
        The whole answer, whatever its status, or why there is none. Raises nothing.
        """
        return await ask_whole(
            Question(
                url=self.url,
                headers={**self.headers, "Content-Type": "application/json"},
                body=json.dumps(asdict(asked)).encode(),
                ca=self.ca,
                folder=self.folder,
                seconds=self.seconds,
                limit=LIMIT,
            )
        )
