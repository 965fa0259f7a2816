"""
A stand-in for a worker or for control, that the supervisor starts: speaks the link's frames, does as it is told.

`python -m tests.parts.fake_child ROLE START LINK_FD LISTENER_FD`. START is what it does of its own accord (`well`, or a
fault that the code below names); the rest it does when it is asked over HTTP on its listener (`GET /word`). All that
happens to it is one JSON line on stderr, in one stream with the supervisor's. Plain sockets: it has to start quickly.
"""

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from proxy.link.frames import Frame, FrameReader, Kind, pack

SNAPSHOT_SECONDS = 0.05
STORM_SECONDS = 0.002
TOTALS: dict[str, object] = {"worker": {}, "errors": {}, "endpoints": {}}


class FakeChild:
    """
    What both kinds do.
    """

    role = ""
    storm = False

    def __init__(self, start: str, link: socket.socket, listener: socket.socket) -> None:
        self.start = start
        self.link = link
        self.listener: socket.socket | None = listener
        self.reader = FrameReader()
        self.held: list[socket.socket] = []
        self.accepting = False
        self.count = 0
        self.table: dict[str, Any] = {}

    def say(self, event: str, **fields: Any) -> None:
        """
        One line on stderr, in one write.
        """
        line = {"event": event, "role": self.role, "pid": os.getpid(), **fields}
        os.write(2, (json.dumps(line) + "\n").encode())

    def send(self, kind: Kind, payload: bytes = b"") -> None:
        """
        One frame to the hub.
        """
        try:
            self.link.sendall(pack(kind, payload))
        except ConnectionError:
            self.orphaned()

    def send_snapshot(self) -> None:
        """
        Totals that count how often they were sent.
        """
        self.count += 1
        self.send(Kind.SNAPSHOT, json.dumps({**TOTALS, "count": self.count, "pid": os.getpid()}).encode())

    def run(self) -> None:
        """
        Until the link ends or a frame says so.
        """
        self.say("begun", start=self.start, ignored=sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
        self.begin()
        while True:
            watched: list[socket.socket] = [self.link]
            if self.accepting and self.listener is not None:
                watched.append(self.listener)
            readable, _, _ = select.select(watched, [], [], STORM_SECONDS if self.storm else SNAPSHOT_SECONDS)
            if self.link in readable:
                self.read_link()
            if self.listener in readable:
                self.accept()
            self.turn()

    def read_link(self) -> None:
        """
        Frames to `heard`; the end of the link ends the process.
        """
        try:
            data = self.link.recv(1 << 20)
        except ConnectionError:
            # A hub that was killed with unread frames resets the link.
            data = b""
        if not data:
            self.orphaned()
        for frame in self.reader.feed(data):
            text = frame.payload.decode() if len(frame.payload) < 100_000 else ""
            self.say("heard", kind=frame.kind.name, incarnation=frame.incarnation, payload=text)
            self.heard(frame)

    def orphaned(self) -> None:
        """
        The link has ended.
        """
        self.say("link_ended")
        sys.exit(0)

    def accept(self) -> None:
        """
        One connection, one request, one answer: which process this is.
        """
        assert self.listener is not None
        try:
            connection, _ = self.listener.accept()
        except BlockingIOError:
            return
        connection.settimeout(5)
        head = b""
        while b"\r\n\r\n" not in head and (data := connection.recv(4096)):
            head += data
        if not head:
            return
        word = head.split(b" ")[1].decode().lstrip("/")
        body = str(os.getpid()).encode()
        answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        if word == "hold":
            self.held.append(connection)
            self.say("holding")
        else:
            connection.sendall(answer)
            connection.close()
        self.told(word)

    def told(self, word: str) -> None:
        """
        What a request asks for.
        """
        words: dict[str, Callable[[], object]] = {
            "crash": lambda: os._exit(3),
            "garbage": lambda: self.link.sendall(b"\xff" * 64),
            "close_link": self.close_link,
            "spoof": lambda: self.send(Kind.STATUS, b"{}"),
            "release": self.release,
        }
        words.get(word, lambda: None)()

    def close_link(self) -> None:
        """
        Leave, and stay.
        """
        self.link.close()
        time.sleep(60)

    def release(self) -> None:
        """
        Answer what is held.
        """
        for connection in self.held:
            connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            connection.close()
        self.held.clear()

    def begin(self) -> None:
        """
        Right after the start.
        """

    def turn(self) -> None:
        """
        Once per turn of the loop.
        """

    def heard(self, frame: Frame) -> None:
        """
        One frame came.
        """


class Worker(FakeChild):
    """
    Accepts once it has a table, drains when told.
    """

    role = "worker"
    draining = False
    silent = False
    killed = False

    def begin(self) -> None:
        """
        `exit`: before it is ready. `early`: speak before being spoken to.
        """
        if self.start == "exit":
            sys.exit(7)
        if self.start == "early":
            self.send(Kind.REPORT, b'{"event": "early", "level": "info"}')

    def heard(self, frame: Frame) -> None:
        """
        As the real worker does.
        """
        if frame.kind is Kind.LATCH and self.start == "defiant":
            return
        if frame.kind is Kind.LATCH:
            self.killed = json.loads(frame.payload)["killed"]
        if frame.kind is Kind.TABLE and self.start != "unready":
            self.table = json.loads(frame.payload)
            self.accepting = True
        if frame.kind in (Kind.TABLE, Kind.LATCH) and self.accepting:
            said = {"epoch": self.table["epoch"], "digest": self.table["digest"], "killed": self.killed}
            self.send(Kind.READY, json.dumps(said).encode())
        if frame.kind is Kind.DRAIN and self.start != "deaf":
            self.drain()

    def drain(self) -> None:
        """
        Empty and close the listener, then see who still answers on its address.
        """
        assert self.listener is not None
        address = self.listener.getsockname()
        while select.select([self.listener], [], [], 0)[0]:
            self.accept()
        self.listener.close()
        self.listener = None
        with socket.socket() as probe:
            refused = probe.connect_ex(address) != 0
        self.say("listener_closed", refused=refused)
        self.draining = True
        self.release()

    def turn(self) -> None:
        """
        Totals now and then; the end when nothing is in flight.
        """
        if self.accepting and not self.silent:
            self.send_snapshot()
        if self.draining and not self.held:
            self.send(Kind.DRAINED)
            if self.start == "lingering":
                time.sleep(60)
            sys.exit(0)

    def told(self, word: str) -> None:
        """
        `silent`: say nothing any more. `report`: one log event. `flood`: a thousand.
        """
        if word == "silent":
            self.silent = True
        elif word in {"report", "flood"}:
            for number in range(1000 if word == "flood" else 1):
                event = {"event": "fault_found", "level": "warning", "number": number, "process": "spoofed"}
                self.send(Kind.REPORT, json.dumps(event).encode())
        else:
            super().told(word)


class Control(FakeChild):
    """
    Answers on the admin port; sends what it is told to.
    """

    role = "control"

    def begin(self) -> None:
        """
        `absent`: never lives long.
        """
        if self.start == "absent":
            sys.exit(9)
        self.accepting = True

    def turn(self) -> None:
        """
        A pulse, unless it is `still`; and a table, many times a second once there is a `storm`.
        """
        if self.start != "still":
            self.send(Kind.PULSE)
        if self.storm:
            self.send_table()

    def send_table(self) -> None:
        """
        The next epoch.
        """
        self.table["epoch"] += 1
        self.send(Kind.TABLE, json.dumps(self.table).encode())

    def heard(self, frame: Frame) -> None:
        """
        STOP ends it. Its own tables continue the one that it is told.
        """
        if frame.kind is Kind.TABLE:
            self.table = json.loads(frame.payload)
        if frame.kind is Kind.STOP and self.start != "deaf":
            sys.exit(0)

    def told(self, word: str) -> None:
        """
        A frame of the kind that the word names.
        """
        by = json.dumps({"by": "ops", "reason": word}).encode()
        frames = {
            "endpoints": (Kind.ENDPOINTS, b'["GET /users/{id}"]'),
            "setup": (Kind.SETUP, b"another setup"),
            "kill": (Kind.KILL, by),
            "restore": (Kind.RESTORE, by),
        }
        if word == "table":
            self.send_table()
        elif word == "storm":
            self.storm = True
        elif word == "still":
            self.start = "still"
        elif word in frames:
            self.send(*frames[word])
        else:
            super().told(word)


def main() -> None:
    """
    One life.
    """
    role, start, link, listener = sys.argv[1:]
    kind = Worker if role == "worker" else Control
    accepted = socket.socket(fileno=int(listener))
    accepted.setblocking(False)
    kind(start, socket.socket(fileno=int(link)), accepted).run()


if __name__ == "__main__":
    main()
