"""
What only the kernel knows: bytes that a peer has not read yet, connections, memory and children of a process.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
REQUEST = 1
ERROR = 2
NO_COOKIE = 0xFFFFFFFF
HEADER = struct.Struct("=IHHII")
LOOKUP = struct.Struct("=BBBxI")
DUMP = 0x300
DONE = 3
# sock_diag's answer: family, state, timer, retransmits, the id (48 bytes), expires, rqueue, wqueue, uid, inode
RECEIVE_QUEUE = struct.Struct("=56xI")
ENDS = struct.Struct(">4xHH4s12x4s12x")
INODE = struct.Struct("=68xI")
# Every state (include/net/tcp_states.h) in which a process can hold a connection: not TIME_WAIT (6), not LISTEN (10).
CONNECTED = 0xFFF & ~(1 << 6) & ~(1 << 10)

Address = tuple[str, int]


def unread(owner: Address, peer: Address) -> int:
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


def connections(process: int) -> set[tuple[Address, Address]]:
    """
    The IPv4 TCP connections that a process holds: its own end and the peer's.

    The process may open and close some meanwhile, unless it is stopped.
    """
    held = set()
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        # One that is closed meanwhile is no connection any more.
        with suppress(FileNotFoundError):
            name = str(descriptor.readlink())
            if name.startswith("socket:["):
                held.add(int(name[8:-1]))
    return {ends for inode, ends in _all_connections() if inode in held}


def _all_connections() -> Iterator[tuple[int, tuple[Address, Address]]]:
    body = LOOKUP.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, CONNECTED) + bytes(48)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG) as diag:
        diag.send(HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, REQUEST | DUMP, 1, 0) + body)
        while True:
            reply = memoryview(diag.recv(1 << 16))
            while reply:
                size, kind, *_ = HEADER.unpack_from(reply)
                if kind in (DONE, ERROR):
                    return
                here, there, source, destination = ENDS.unpack_from(reply, HEADER.size)
                inode: int = INODE.unpack_from(reply, HEADER.size)[0]
                yield inode, ((socket.inet_ntoa(source), here), (socket.inet_ntoa(destination), there))
                reply = reply[(size + 3) & ~3 :]


def children(process: int) -> dict[int, str]:
    """
    The children of a process: process id → command line.
    """
    found = {}
    # Who ends while we look is no child any more.
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                with suppress(FileNotFoundError, ProcessLookupError):
                    found[int(child)] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ").strip()
    return found


def state(process: int) -> str:
    """
    The letter of `ps`: R, S, T (stopped), Z (dead, not reaped); X when it is gone.
    """
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


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
