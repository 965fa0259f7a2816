"""
Old and new for every contender: two nginx servers whose answers are the same, byte for byte, but for the Date; or, at
other paths, answers of the same size that differ in one value each time, as a timestamp or a trace id does, plain or
compressed.

Each counts the requests it saw on a port of its own, which shows whether a copy really arrived.
"""

import http.client
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.processes import HOST, find_tool, free_port, is_listening, running

# A typical API answer, held in nginx's configuration, and a large list, which comes from a file.
SIZES = {"1k": 1331, "68k": 68 * 1024}
PATHS = {"1k": "/small", "68k": "/large"}
# What is asked for, by what the two answers are: equal, different, different and about another thing each time, or
# different and compressed.
ANSWERS = {
    "equal": PATHS,
    "differing": {"1k": "/small-anew", "68k": "/large-anew"},
    "many": {"1k": "/small-many", "68k": "/large-many"},
    "gzip": {"1k": "/small-gzip", "68k": "/large-gzip"},
}
# What differs: 32 hexadecimal digits that nginx draws for each request.
DRAWN = "$request_id"
DRAWN_LENGTH = 32
# Which of many things was asked for, told in both answers: the query's `n`, so many digits by `wrk.lua`.
ASKED = "$arg_n"
ASKED_LENGTH = 9
# nginx takes words of its configuration up to 4 KiB.
WORD = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    What one backend has counted since its start, our own readings of these figures included.
    """

    connections: int
    requests: int

    def since(self, earlier: "Seen") -> "Seen":
        """
        What came between two readings; the later reading itself, one request on one connection, is taken out.
        """
        return Seen(
            connections=self.connections - earlier.connections - 1, requests=self.requests - earlier.requests - 1
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """
    One side: where it answers and where it tells how many requests it saw.
    """

    name: str
    port: int
    status_port: int

    @property
    def url(self) -> str:
        """
        What a proxy is told to forward to.
        """
        return f"http://{HOST}:{self.port}"

    def seen(self) -> Seen:
        """
        Read nginx's counters now.
        """
        connection = http.client.HTTPConnection(HOST, self.status_port, timeout=5)
        try:
            connection.request("GET", "/", headers={"Connection": "close"})
            accepts, _handled, requests = connection.getresponse().read().decode().splitlines()[2].split()
        finally:
            connection.close()
        return Seen(connections=int(accepts), requests=int(requests))


def document(size: int) -> bytes:
    """
    A JSON document of exactly `size` bytes.
    """
    items: list[dict[str, object]] = []
    while True:
        number = len(items)
        items.append({"id": number, "name": f"article {number}", "price": f"{number * 7 % 900}.95", "tags": ["a", "b"]})
        if len(orjson.dumps({"items": items, "filler": ""})) > size:
            items.pop()
            break
    frame = len(orjson.dumps({"items": items, "filler": ""}))
    return orjson.dumps({"items": items, "filler": "x" * (size - frame)})


def differing(size: int, *, many: bool = False) -> tuple[str, str]:
    """
    A location's directives, and what it returns: as `document`, with a value that is drawn anew for each request, and
    of `many` things with the number of the one that was asked for.
    """
    drawn = f'"trace":"{DRAWN}",' + (f'"number":"{ASKED}",' if many else "")
    frame = len(b'"trace":"",') + DRAWN_LENGTH + (len(b'"number":"",') + ASKED_LENGTH if many else 0)
    text = document(size - frame).decode()
    sets, names = [], []
    for number, at in enumerate(range(0, len(text) - 1, WORD)):
        sets.append(f"set $part{number} '{text[1:][at : at + WORD]}';")
        names.append(f"${{part{number}}}")
    return " ".join(sets), f"{{{drawn}{''.join(names)}"


CONFIGURATION = """
worker_processes 1;
daemon off;
error_log stderr crit;
pid {directory}/{name}.pid;
events {{ worker_connections 8192; }}
http {{
    {log}
    server_tokens off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    open_file_cache max=16 inactive=1h;
    default_type application/json;
    gzip_types application/json;
    {temporary}
    server {{
        listen {host}:{port} backlog=4096;
        location = /small {{ return 200 '{small}'; }}
        location = /large {{ alias {large}; }}
        location = /small-anew {{ {small_parts} return 200 '{small_anew}'; }}
        location = /large-anew {{ {large_parts} return 200 '{large_anew}'; }}
        location = /small-many {{ {small_parts_many} return 200 '{small_many}'; }}
        location = /large-many {{ {large_parts_many} return 200 '{large_many}'; }}
        location = /small-gzip {{ gzip on; {small_parts} return 200 '{small_anew}'; }}
        location = /large-gzip {{ gzip on; {large_parts} return 200 '{large_anew}'; }}
    }}
    server {{
        listen {host}:{status_port};
        location / {{ stub_status; }}
    }}
}}
"""


def temporary_paths(directory: Path, name: str) -> str:
    """
    Directives that keep nginx's temporary files out of the system's directories.
    """
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {directory}/{name}-{kind};" for kind in kinds)


@contextmanager
def nginx(name: str, configuration: str, port: int, directory: Path) -> Iterator[int]:
    """
    Run Debian's nginx on a configuration text for as long as the block lasts; yields the pid of its master.
    """
    path = directory / f"{name}.conf"
    path.write_text(configuration)
    command = [find_tool("nginx", "nginx"), "-p", str(directory), "-e", "stderr", "-c", str(path)]
    with running(name, command, directory) as program:
        program.await_true(lambda: is_listening(port), "it listened")
        yield program.pid


def times_of(name: str, directory: Path) -> list[float]:
    """
    When a `timed` side had answered each request, in Unix time.
    """
    return [float(line) for line in (directory / f"{name}.times").read_text().split()]


@contextmanager
def backends(directory: Path, *, timed: bool = False) -> Iterator[tuple[Backend, Backend]]:
    """
    Old and new, running for as long as the block lasts.
    """
    # nginx's worker is another user and reads the large file; both sides share it, so that its ETag is the same.
    directory.chmod(0o755)
    large = directory / "large.json"
    large.write_bytes(document(SIZES["68k"]))
    small_parts, small_anew = differing(SIZES["1k"])
    large_parts, large_anew = differing(SIZES["68k"])
    small_parts_many, small_many = differing(SIZES["1k"], many=True)
    large_parts_many, large_many = differing(SIZES["68k"], many=True)
    with ExitStack() as stack:
        sides = []
        for name in ("old", "new"):
            backend = Backend(name=name, port=free_port(), status_port=free_port())
            log = (
                f"log_format moment '$msec'; access_log {directory}/{name}.times moment;"
                if timed
                else "access_log off;"
            )
            configuration = CONFIGURATION.format(
                directory=directory, name=name, log=log, temporary=temporary_paths(directory, name), host=HOST,
                port=backend.port, status_port=backend.status_port, small=document(SIZES["1k"]).decode(), large=large,
                small_parts=small_parts, small_anew=small_anew, large_parts=large_parts, large_anew=large_anew,
                small_parts_many=small_parts_many, small_many=small_many, large_parts_many=large_parts_many,
                large_many=large_many,
            )  # fmt: skip
            stack.enter_context(nginx(name, configuration, backend.port, directory))
            sides.append(backend)
        yield sides[0], sides[1]
