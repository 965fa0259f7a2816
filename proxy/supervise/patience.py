"""
How long a child may take and be silent. Pure: time is counted in looks at it.

After the whole group was stopped for a minute, or the machine suspended, nobody is accused of a minute's silence.
"""

from dataclasses import dataclass

from proxy.supervise.child import Child, Role

# Looks at the children per `silence` of a worker.
LOOKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """
    Seconds. A worker or comparer is ready within `ready` and says something every `silence`; control pulses within
    `first_pulse` and then every `pulse`. Each gets a little more than that.
    """

    ready: float
    silence: float
    first_pulse: float
    pulse: float

    @property
    def look(self) -> float:
        """
        Between two looks.
        """
        return self.silence / LOOKS

    def exhausted(self, child: Child) -> str | None:
        """
        What a child is to be killed for, None when it has time left.
        """
        if child.role is not Role.CONTROL:
            first, limit, missing = self.ready, self.silence, "not ready"
        else:
            first, limit, missing = self.first_pulse, self.pulse, "without a sign of life"
        if not child.ready:
            late = child.looks * self.look > first + self.look / 2
            return f"{missing} within {first:g} s" if late else None
        if child.defiant * self.look > limit + self.look / 2:
            return f"has not obeyed the kill latch for {limit:g} s"
        return f"silent for {limit:g} s" if child.silent * self.look > limit + self.look / 2 else None
