"""
Asks Prometheus, or what speaks like it, one instant query. What an answer means is said elsewhere: `gates.promql`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from proxy.outward import Answer, Question, Silence, ask_whole

PATH: Final = "/api/v1/query"
SECONDS: Final = 5.0
# An answer with one number takes some hundred bytes; a query that forgot to aggregate can make it many megabytes.
LIMIT: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PromClient:
    """
    One Prometheus. `url` is written out and may have a path; `token` goes as bearer token; that, `headers`, `ca` and
    `folder` are as `outward.Question` has them.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    ca: str = ""
    folder: Path = Path()
    seconds: float = SECONDS

    async def query(self, text: str) -> Answer | Silence:
        """
        The whole answer to a query, of now and whatever its status, or why there is none. Raises nothing.
        """
        # Prometheus gives the query up a little before we give Prometheus up, and says so then.
        patience = f"{max(100, int(self.seconds * 900))}ms"
        return await ask_whole(
            Question(
                url=self.url.rstrip("/") + PATH,
                headers={**self.headers, "Content-Type": "application/x-www-form-urlencoded"},
                bearer=self.token,
                body=urlencode({"query": text, "timeout": patience}).encode(),
                ca=self.ca,
                folder=self.folder,
                seconds=self.seconds,
                limit=LIMIT,
            )
        )
