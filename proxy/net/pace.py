"""
How fast a client sends its content and takes its answer, checked by the worker's one timer. Pure.
"""


class SendingPace:
    """
    Bytes of content since the client was last free to send them.
    """

    __slots__ = ("_bytes", "_since")

    def __init__(self, now: float) -> None:
        self._since = now
        self._bytes = 0

    def restart(self, now: float) -> None:
        """
        The client may send (again) from now on.
        """
        self._since = now
        self._bytes = 0

    def came(self, size: int) -> None:
        """
        `size` bytes came.
        """
        self._bytes += size

    def is_too_slow(self, now: float, rate: int, grace: float) -> bool:
        """
        Fewer than `rate` bytes per second, once `grace` seconds are over; rate 0 allows any pace.
        """
        spent = now - self._since
        return rate > 0 and spent > grace and self._bytes < spent * rate


class TakingPace:
    """
    What a client has taken of an answer since its buffer filled up: `unsent` bytes waited at first.
    """

    __slots__ = ("_idle_since", "_least", "_since", "_unsent")

    def __init__(self, now: float, unsent: int) -> None:
        self._since = self._idle_since = now
        self._unsent = self._least = unsent

    def is_too_slow(self, now: float, unsent: int, idle: float, rate: int, grace: float) -> bool:
        """
        Nothing taken for `idle` seconds, or fewer than `rate` bytes per second once `grace` is over; 0 allows anything.
        """
        if unsent < self._least:
            self._least, self._idle_since = unsent, now
        spent = now - self._since
        stopped = idle > 0 and now - self._idle_since > idle
        return stopped or (rate > 0 and spent > grace and self._unsent - unsent < spent * rate)
