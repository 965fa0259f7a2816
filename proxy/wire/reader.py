"""
The bytes of one client connection, cut into request heads and what is behind them. Pure.

Heads are read one at a time; what a client sends ahead is held raw until it is its turn. A head that can't become a
valid one any more is refused at once, wherever the segments of the connection end.
"""

from proxy.errors import BadMessage
from proxy.routing.table import Limits
from proxy.wire.fields import FIELD_BYTES
from proxy.wire.request import IDEMPOTENT, RequestHead, RequestRules, check_beginning, parse_request

# The most that is held of requests sent ahead, in bytes.
HELD = 65536
# What browsers submit forms with: old ones send an empty line after the content (RFC 9112 §2.2).
EMPTY_LINES = 2
FORMS = frozenset({b"POST", b"PUT", b"PATCH"})


class RequestReader:
    """
    `rest` is what came behind the last head; `to_head` says that the request being read, valid or not, is a HEAD.
    """

    __slots__ = ("_held", "_limits", "_lines", "_rules", "_skips", "rest", "to_head")

    def __init__(self, rules: RequestRules, limits: Limits) -> None:
        self._rules = rules
        self._limits = limits
        self._held = bytearray()
        self._lines = 0
        self._skips = EMPTY_LINES
        self.rest = b""
        self.to_head = False

    def obey(self, rules: RequestRules, limits: Limits) -> None:
        """
        Read what comes by other rules; what is held of a head that isn't complete falls under them too.
        """
        self._rules = rules
        self._limits = limits

    def holds(self) -> bool:
        """
        Something of a request to come is held.
        """
        return bool(self._held)

    def hold(self, data: bytes) -> bool:
        """
        Keep bytes of requests to come, raw. True when that is enough, and reading should stop.
        """
        held = self._held
        held += data
        return len(held) > HELD or held.count(b"\r\n\r\n") >= self._limits.pipelined

    def release(self) -> bytes:
        """
        What is held, which is then forgotten.
        """
        held = bytes(self._held)
        self._held.clear()
        return held

    def begin_held(self) -> RequestHead | None:
        """
        As `read`, for what was sent ahead. An empty line in front of that is how a body one byte too long looks.
        """
        if self._held[:1] == b"\r" and self._held.strip(b"\r\n"):
            raise BadMessage(400, "an empty line between requests sent ahead")
        return self.read(b"")

    def read(self, data: bytes) -> RequestHead | None:
        """
        The next request's head, or None while it is incomplete. Raises `BadMessage` with the status for the client.
        """
        if self._held:
            self._held += data
            data = self.release()
        if data[:1] == b"\r":
            # RFC 9112 §2.2: empty lines before a request are tolerated; 2 are enough for anybody.
            while self._skips and data[:2] == b"\r\n":
                data = data[2:]
                self._skips -= 1
        end = data.find(b"\r\n\r\n")
        if end < 0 or end > self._limits.head:
            self.to_head = data[:5] == b"HEAD "
            self._partial(data)
            return None
        self.to_head = data[:5] == b"HEAD "
        head = parse_request(data[:end], self._rules)
        self._lines = 0
        # After other requests an empty line is content that was longer than its framing said.
        self._skips = EMPTY_LINES if head.method in FORMS else 0
        self.rest = data[end + 4 :]
        return head

    def check_behind(self, head: RequestHead, rest: bytes) -> None:
        """
        Bytes right behind a request with content, or one that must not be pipelined behind, have to begin a request:
        otherwise the content was longer than its framing says, which is how smuggling begins. Raises `BadMessage`.
        """
        if not head.close and (head.has_body or head.method not in IDEMPOTENT):
            check_beginning(rest.lstrip(b"\r\n"), self._rules)

    def _partial(self, data: bytes) -> None:
        """
        Keep a head that goes on, within its limits and as long as it can become one.
        """
        limits = self._limits
        line = data.find(b"\r\n")
        if len(data) > limits.line and not 0 <= line <= limits.line:
            raise BadMessage(414, "request line too long")
        if len(data) > limits.head:
            raise BadMessage(431, "head too large")
        left = data.translate(None, FIELD_BYTES).replace(b"\r\n", b"")
        if left and (left != b"\r" or data[-1:] != b"\r"):
            raise BadMessage(400, "control character or bare CR or LF in the head")
        lines = data.count(b"\n")
        if lines != self._lines or not lines:
            # Only a new line can bring news; a first line is looked at with each byte.
            self._lines = lines
            check_beginning(data, self._rules)
        self._held[:] = data
