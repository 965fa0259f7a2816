"""
What the demo's clients ask for, and the tally of what they sent and saw. Pure.
"""

from collections import Counter, deque
from dataclasses import dataclass, field

from proxy.demo.planted import Effect, effect_on
from proxy.demo.users import Users

# Out of 100 requests. A shop is mostly looked at.
MIX = {
    "GET /products/{id}": 20,
    "GET /products": 14,
    "GET /search": 12,
    "GET /categories": 8,
    "GET /stock/{id}": 8,
    "GET /cart/{id}": 8,
    "GET /orders/{id}": 6,
    "GET /recommendations/{id}": 6,
    "GET /stores": 5,
    "GET /invoices/{id}": 4,
    "PUT /cart/{id}": 4,
    "POST /orders": 3,
    "GET /health": 2,
}
LATEST = 2000  # latencies kept for the clients' quantiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """
    One request of the script, and whose it is.
    """

    endpoint: str
    method: str
    target: str
    body: bytes = b""
    user: str = ""

    @property
    def is_write(self) -> bool:
        """
        Changes something, so that it stays on old.
        """
        return self.method != "GET"


@dataclass(slots=True)
class Tally:
    """
    What the clients sent and saw. `affected` counts, by endpoint, requests that hit a planted divergence or failure.
    Of what new answered, `by_new` came whole, and `cut` was cut off as planted; `hit` are those of `by_new` that new's
    bad release broke.

    While Parallax is `killed`, which is from the answer to the kill until the restore, nothing is copied: what is sent
    then counts as `off` and hits nothing.
    """

    asked: Counter[str] = field(default_factory=Counter)
    affected: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    off: Counter[str] = field(default_factory=Counter)
    killed: bool = False
    answered: int = 0
    by_new: int = 0
    cut: int = 0
    hit: int = 0
    writes: int = 0
    users: Users = field(default_factory=Users)
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=LATEST))

    @property
    def sent(self) -> int:
        """
        Requests sent so far.
        """
        return self.asked.total()

    def send(self, ask: Ask) -> None:
        """
        A request leaves.
        """
        self.asked[ask.endpoint] += 1
        self.writes += ask.is_write
        if self.killed:
            self.off[ask.endpoint] += 1
        elif effect_on(ask.endpoint, ask.target) in (Effect.DIVERGENT, Effect.FAILED):
            self.affected[ask.endpoint] += 1

    def quantile(self, share: float) -> float | None:
        """
        The latency, in seconds, that `share` of the latest answers did not exceed.
        """
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None
