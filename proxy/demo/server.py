"""
One of the demo's two shops as a process: `python -m proxy.demo.server SIDE FD`.

FD is a listening socket that the parent bound; SIGTERM ends the process. The shop also counts what it was
sent, at `GET /-/received`, so that the summary can show that no write ever reached new. `POST /-/release` says "bad" or
"good": which release it runs.
"""

import asyncio
import signal
import socket
import sys
from dataclasses import replace
from random import Random

import orjson
from aiohttp import web

from proxy.demo.drawn import draw
from proxy.demo.shop import RECEIVED, RELEASE, Answer, answer

READS = ("GET", "HEAD", "OPTIONS")


class Shop:
    """
    Answers requests for one side and counts them as reads, writes and copies (reads that Parallax marked as its own),
    and those that the bad release broke.
    """

    def __init__(self, side: str) -> None:
        self.side = side
        self._dice = Random()
        self._is_bad = False
        self.received = {"reads": 0, "writes": 0, "copies": 0, "broken": 0}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """
        Answer one request, planted misbehaviour included.
        """
        if request.path == RECEIVED:
            return web.Response(body=orjson.dumps(self.received), content_type="application/json")
        if request.path == RELEASE:
            self._is_bad = await request.read() == b"bad"
            return web.Response(body=b"ok\n")
        self.received["reads" if request.method in READS else "writes"] += 1
        if "X-Parallax-Shadow" in request.headers:
            self.received["copies"] += 1
        asked = self.side, request.method, request.path_qs, await request.read()
        found = answer(*asked)
        if self._is_bad and (broken := answer(*asked, is_bad=True)) != found:
            found = broken
            self.received["broken"] += 1
        if found.delay:
            await asyncio.sleep(found.delay)
        return await self._send(request, replace(found, body=draw(found.body, self._dice)))

    async def _send(self, request: web.BaseRequest, found: Answer) -> web.StreamResponse:
        # X-Shop is no significant field: it tells clients who answered and accuses nobody.
        headers = {"Content-Type": found.content_type, "X-Shop": self.side, **dict(found.headers)}
        if found.cut_at is None and not found.chunked:
            return web.Response(status=found.status, headers=headers, body=found.body)
        response = web.StreamResponse(status=found.status, headers=headers)
        if found.chunked:
            response.enable_chunked_encoding()
        else:
            response.content_length = len(found.body)
        await response.prepare(request)
        await response.write(found.body[: found.cut_at])
        if found.cut_at is None:
            await response.write_eof()
        elif request.transport is not None:
            request.transport.close()
        return response


async def serve(side: str, listener: socket.socket) -> None:
    """
    Answer on `listener` until SIGTERM.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # Longer than anybody who pools connections to us keeps an idle one.
    server = web.Server(Shop(side).handle, access_log=None, keepalive_timeout=3600)
    runner = web.ServerRunner(server)
    await runner.setup()
    await web.SockSite(runner, listener, shutdown_timeout=0.5).start()
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    if sys.argv[1] not in ("old", "new"):
        sys.exit("the first argument is the side: old or new")
    asyncio.run(serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2]))))
