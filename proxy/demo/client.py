"""
A small HTTP/1.1 client on keep-alive connections, which never retries: what a client would see is what is counted.

For the demo's own use (load, shops, admin API): answers are framed by a length or chunked, and nothing is followed.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

DEADLINE = 10.0  # seconds; far beyond what any request of the demo should take
BODILESS = (204, 304)
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """
    One whole answer. Field names are lower case.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """
    Requests to one address ("host:port"), each on an idle connection or else a fresh one, and each over within
    `deadline` seconds.
    """

    def __init__(self, address: str, deadline: float = DEADLINE) -> None:
        host, _, port = address.rpartition(":")
        self.address = address
        self._where = (host.strip("[]"), int(port))
        self._deadline = deadline
        self._idle: list[tuple[StreamReader, StreamWriter]] = []

    async def request(self, method: str, target: str, body: bytes = b"", fields: Mapping[str, str] = NOTHING) -> Reply:
        """
        The answer to one request, which has header `fields` of its own. Raises `OSError` when none or only part of one
        came, or when that took too long (`TimeoutError` is an OSError).
        """
        length = f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n" if body else ""
        more = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        head = f"{method} {target} HTTP/1.1\r\nHost: {self.address}\r\n{more}{length}\r\n"
        async with asyncio.timeout(self._deadline):
            reader, writer = await self._connection()
            try:
                writer.write(head.encode() + body)
                reply = await _read(reader)
            except asyncio.IncompleteReadError as error:
                writer.close()
                raise ConnectionError("the connection was closed before the answer was complete") from error
            except (ValueError, asyncio.LimitOverrunError) as error:
                writer.close()
                raise ConnectionError("the answer is not HTTP") from error
            except BaseException:
                writer.close()
                raise
        if reply.headers.get("connection", "").lower() == "close":
            writer.close()
        else:
            self._idle.append((reader, writer))
        return reply

    def close(self) -> None:
        """
        Close what is idle.
        """
        while self._idle:
            self._idle.pop()[1].close()

    async def _connection(self) -> tuple[StreamReader, StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(*self._where)


async def _read(reader: StreamReader) -> Reply:
    status, headers = await _read_head(reader)
    while status < 200:
        status, headers = await _read_head(reader)
    if status in BODILESS:
        body = b""
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "")))
    return Reply(status=status, headers=headers, body=body)


async def _read_head(reader: StreamReader) -> tuple[int, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
    fields = (line.partition(":") for line in lines)
    return int(first.partition(" ")[2][:3]), {name.lower(): value.strip() for name, _, value in fields}


async def _read_chunks(reader: StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return bytes(body)
