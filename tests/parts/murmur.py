"""
MurmurHash3 for 32 bit, written from its description, to check who stays where without asking Parallax's own code.
"""


def murmur3(data: bytes, seed: int = 0) -> int:
    """
    The unsigned hash.
    """
    state, whole = seed, len(data) & ~3
    for at in range(0, whole, 4):
        state ^= _mixed(int.from_bytes(data[at : at + 4], "little"))
        state = (_rotated(state, 13) * 5 + 0xE6546B64) & 0xFFFFFFFF
    state ^= _mixed(int.from_bytes(data[whole:], "little")) ^ len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        state = (state ^ state >> shift) * factor & 0xFFFFFFFF
    return state ^ state >> 16


def bucket(key: str, salt: str = "parallax") -> int:
    """
    Where a sticky key stands among 10,000: new answers it while its weight, in hundredths of a percent, is above that.
    """
    return murmur3(f"{salt}:{key}".encode()) % 10_000


def side_of(key: str, weight: float, salt: str = "parallax") -> str:
    """
    Who answers this key at this weight.
    """
    return "new" if bucket(key, salt) < round(weight * 100) else "old"


def _mixed(block: int) -> int:
    return _rotated(block * 0xCC9E2D51 & 0xFFFFFFFF, 15) * 0x1B873593 & 0xFFFFFFFF


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & 0xFFFFFFFF
