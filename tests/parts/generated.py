"""
Requests and answers made up at random from a seed: valid, odd, and different every time.
"""

import random
import string
from dataclasses import dataclass

METHODS = [b"GET"] * 6 + [b"HEAD", b"OPTIONS", b"POST", b"POST", b"PUT", b"DELETE", b"PATCH", b"REPORT"]
STATUSES = [
    *[b"200 OK"] * 6,
    *(
        b"201 Created",
        b"202 ",
        b"204 No Content",
        b"206 Partial Content",
        b"299 Gr\xfcn",
        b"301 Moved",
        b"304 Not Modified",
    ),
    *(b"400 Bad Request", b"404 nope", b"418 I'm a teapot", b"500 Oops", b"503 Later", b"599 \t"),
]
TOKEN = (string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~").encode()
PATH = (string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@/%\"<>[]\\^`{|}").encode()
VISIBLE = bytes([*range(0x21, 0x7F), *range(0x80, 0x100)])
INNER = VISIBLE + b" \t"
# Names that mean something to a proxy are not made up: what becomes of them has tests of its own.
MEANING = {
    *(b"connection", b"content-length", b"date", b"expect", b"host", b"keep-alive", b"max-forwards", b"te", b"trailer"),
    *(b"transfer-encoding", b"upgrade", b"via", b"traceparent", b"x-request-id", b"content-type", b"x-case"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    A request and the answer that it gets. `ends` says that the answer's end is the end of the connection.
    """

    number: int
    method: bytes
    request: bytes
    reply: bytes
    ends: bool


class Maker:
    """
    Cases from one seed.
    """

    def __init__(self, seed: int) -> None:
        self._roll = random.Random(seed)

    def case(self, number: int) -> Case:
        """
        The next case.
        """
        roll = self._roll
        method = roll.choice(METHODS)
        body = roll.choice([b"", roll.randbytes(roll.choice([1, 10, 1000, 20_000]))])
        if method in (b"GET", b"HEAD", b"OPTIONS", b"DELETE") and roll.random() < 0.9:
            framing, content = b"", b""
        elif not body:
            framing, content = roll.choice([b"", b"Content-Length: 0\r\n"]), b""
        elif roll.random() < 0.5:
            framing, content = b"Content-Length: %d\r\n" % len(body), body
        else:
            framing, content = b"Transfer-Encoding: chunked\r\n", self._chunks(body)
        head = method + b" /" + self._some(PATH, 60) + self._query() + b" HTTP/1.1\r\nHost: shop.test\r\n"
        request = head + b"X-Case: %d\r\n" % number + self._fields() + framing + self._fields() + b"\r\n" + content
        reply, ends = self._reply(method)
        return Case(number=number, method=method, request=request, reply=reply, ends=ends)

    def _reply(self, method: bytes) -> tuple[bytes, bool]:
        roll = self._roll
        status = roll.choice(STATUSES)
        body = roll.choice([b"", roll.randbytes(roll.choice([1, 100, 5000, 70_000]))])
        head = b"HTTP/1.1 " + status + b"\r\n" + self._fields()
        if roll.random() < 0.7:
            head += b"Date: " + self._some(INNER, 30).strip() + b"\r\n"
        if roll.random() < 0.1:
            head = b"HTTP/1.1 103 Early Hints\r\n" + self._fields() + b"\r\n" + head
        if method == b"HEAD" or status[:3] in (b"204", b"304"):
            length = b"Content-Length: %d\r\n" % len(body) if status[:3] != b"204" and roll.random() < 0.5 else b""
            return head + length + self._fields() + b"\r\n", False
        framing = roll.choice(["length", "length", "chunked", "close"])
        if framing == "length":
            return head + b"Content-Length: %d\r\n" % len(body) + self._fields() + b"\r\n" + body, False
        if framing == "chunked":
            return head + b"Transfer-Encoding: chunked\r\n" + self._fields() + b"\r\n" + self._chunks(body), False
        return head + self._fields() + b"\r\n" + body, True

    def _chunks(self, body: bytes) -> bytes:
        roll = self._roll
        pieces, at = [], 0
        while at < len(body):
            size = roll.choice([1, 7, 100, 16_384])
            piece = body[at : at + size]
            pieces.append(roll.choice([b"%x", b"%X", b"0%x"]) % len(piece) + b"\r\n" + piece + b"\r\n")
            at += size
        trailers = [line for line in self._lines() if b"ookie:" not in line] if roll.random() < 0.3 else []
        return b"".join(pieces) + b"0\r\n" + b"".join(trailers) + b"\r\n"

    def _lines(self) -> list[bytes]:
        return [self._line() for _ in range(self._roll.randrange(5))]

    def _fields(self) -> bytes:
        return b"".join(self._lines())

    def _line(self) -> bytes:
        roll = self._roll
        name = b""
        while not name or name.lower() in MEANING or name.lower().startswith(b"x-forwarded"):
            name = self._some(TOKEN, 20)
        if roll.random() < 0.3:
            name = roll.choice([b"Set-Cookie", b"Cookie", b"X-Same", b"x-same", b"ETag", b"Cache-Control", b"Accept"])
        value = self._some(INNER, 80).strip(b" \t")
        return name + b":" + roll.choice([b" ", b"", b"\t", b"  "]) + value + roll.choice([b"", b"", b" "]) + b"\r\n"

    def _query(self) -> bytes:
        return b"?" + self._some(PATH + b"?", 60) if self._roll.random() < 0.5 else b""

    def _some(self, alphabet: bytes, most: int) -> bytes:
        roll = self._roll
        return bytes(roll.choices(alphabet, k=roll.randrange(most)))
