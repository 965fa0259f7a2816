"""
The byte budget of one worker: everything held for shadowing and judging is taken from it and given back.
"""


class Budget:
    """
    `limit` bytes, of which `used` are taken. `refused` counts the times it said no.
    """

    __slots__ = ("limit", "refused", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.refused = 0

    def take(self, size: int) -> bool:
        """
        Take `size` bytes, or none of them.
        """
        if self.used + size > self.limit:
            self.refused += 1
            return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        """
        Give back `size` bytes.
        """
        self.used -= size
