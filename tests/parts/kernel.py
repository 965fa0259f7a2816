"""
What only the kernel knows: bytes that a peer has not read yet, memory of a process, children of a process.
"""

import socket
import struct
from pathlib import Path

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
REQUEST = 1
ERROR = 2
NO_COOKIE = 0xFFFFFFFF
HEADER = struct.Struct("=IHHII")
LOOKUP = struct.Struct("=BBBxI")
# sock_diag's answer: family, state, timer, retransmits, the id (48 bytes), expires, rqueue, …
RECEIVE_QUEUE = struct.Struct("=56xI")


def unread(owner: tuple[str, int], peer: tuple[str, int]) -> int:
    """
    How many bytes lie in the receive queue of the IPv4 TCP socket that `owner` has towards `peer`; 0 if it is gone.

    In the time between, the bytes are nowhere else: on loopback a write returns when they are in that queue.
    """
    identity = struct.pack(
        ">HH4s12x4s12x", owner[1], peer[1], socket.inet_aton(owner[0]), socket.inet_aton(peer[0])
    ) + struct.pack("=III", 0, NO_COOKIE, NO_COOKIE)
    body = LOOKUP.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, NO_COOKIE) + identity
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG) as diag:
        diag.send(HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, REQUEST, 1, 0) + body)
        reply = diag.recv(4096)
    if HEADER.unpack_from(reply)[1] == ERROR:
        return 0
    count: int = RECEIVE_QUEUE.unpack_from(reply, HEADER.size)[0]
    return count


def children(process: int) -> dict[int, str]:
    """
    The children of a process: process id → command line.
    """
    found = {}
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            found[int(child)] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ").strip()
    return found


def resident(process: int) -> int:
    """
    Memory of a process that lies in RAM now, bytes.
    """
    return _status(process, "VmRSS")


def peak(process: int) -> int:
    """
    The most that lay in RAM since `forget_peak` or the start, bytes.
    """
    return _status(process, "VmHWM")


def forget_peak(process: int) -> None:
    """
    Let `peak` begin anew.
    """
    Path(f"/proc/{process}/clear_refs").write_text("5")


def _status(process: int, key: str) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)
