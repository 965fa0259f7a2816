"""
Field names as codes: what a field line means to a proxy, looked up by its name as it was written.

One dictionary hit per field line is what the request path pays: a known spelling maps straight to a code, an unknown
one is checked once (RFC 9110 §5.1 token, no look-alikes of framing fields) and remembered, up to `REMEMBERED` names.
Keys include the colon, so that a line without one is never found.
"""

from proxy.errors import BadMessage

# Bytes that may stand in a field value or request line: HTAB, SP, VCHAR, obs-text (RFC 9110 §5.5). What is left of a
# head after deleting them is CR, LF and what must not be there.
FIELD_BYTES = bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)])
TOKEN_BYTES = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGITS = b"0123456789"
REMEMBERED = 4096
LONGEST = 64
# Look-alikes of fields that are ours begin so.
OURS = (b"x_parallax", b"x-parallax")
# What in answers, and in trailer sections, only Parallax itself may say begins so.
RESERVED = b"x-parallax-"

# Codes. PLAIN is forwarded as it came; DROP never is; the others need a look.
PLAIN, DROP, HOST, LENGTH, TRANSFER, CONNECTION, TE, UPGRADE, EXPECT, VIA = range(10)
FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, REQUEST_ID, TRACEPARENT, MAX_FORWARDS = range(10, 16)
VALIDATOR, ACCEPT, CREDENTIAL, DATE, TYPE, SIGNIFICANT, COOKIE, KEEP_ALIVE = range(16, 24)
FORCE, COOKIE_ATTRIBUTES, COOKIE_ALONE, OVERRIDE = range(24, 28)

# Hop-by-hop whether or not Connection names them (RFC 9110 §7.6.1, §11.7; Keep-Alive and Proxy-Connection by custom).
_HOP = {
    b"connection": CONNECTION,
    b"content-length": LENGTH,
    b"keep-alive": DROP,
    b"proxy-authenticate": DROP,
    b"proxy-authorization": DROP,
    b"proxy-connection": DROP,
    b"transfer-encoding": TRANSFER,
    b"upgrade": UPGRADE,
}
_REQUEST = {
    **_HOP,
    b"accept": ACCEPT,
    b"authorization": CREDENTIAL,
    b"content-type": TYPE,
    b"cookie": COOKIE,
    b"expect": EXPECT,
    b"host": HOST,
    b"if-match": VALIDATOR,
    b"if-modified-since": VALIDATOR,
    b"if-none-match": VALIDATOR,
    b"if-range": VALIDATOR,
    b"if-unmodified-since": VALIDATOR,
    b"max-forwards": MAX_FORWARDS,
    b"te": TE,
    b"traceparent": TRACEPARENT,
    b"via": VIA,
    b"x-forwarded-for": FORWARDED_FOR,
    b"x-forwarded-host": FORWARDED_HOST,
    b"x-forwarded-proto": FORWARDED_PROTO,
    b"x-http-method": OVERRIDE,
    b"x-http-method-override": OVERRIDE,
    b"x-method-override": OVERRIDE,
    b"x-parallax-dry-run": DROP,
    b"x-parallax-force": FORCE,
    b"x-parallax-shadow": DROP,
    b"x-request-id": REQUEST_ID,
}
_ANSWER = {**_HOP, b"keep-alive": KEEP_ALIVE, b"content-type": TYPE, b"date": DATE}

# Naming these in Connection doesn't make them hop-by-hop: stripping them would change what the request means
# (RFC 9110 §7.6.1 forbids listing fields meant for all recipients; attackers list them all the same).
PROTECTED = frozenset(
    {
        b"accept", b"authorization", b"cache-control", b"content-encoding", b"content-length", b"content-type",
        b"cookie", b"date", b"forwarded", b"host", b"set-cookie", b"transfer-encoding", b"via", b"x-forwarded-for",
        b"x-forwarded-host", b"x-forwarded-proto", b"x-request-id", b"close", b"keep-alive", b"upgrade",
    }
)  # fmt: skip

# Framing in a trailer section is an attack, not a mistake; the rest of what must not come there is dropped.
FRAMING = frozenset({b"content-length", b"host", b"transfer-encoding"})
# Fields that must not come in a trailer section (RFC 9110 §6.5.1: framing, routing, authentication, content format).
NOT_IN_TRAILERS = frozenset(
    {
        b"authorization", b"connection", b"content-encoding", b"content-length", b"content-range", b"content-type",
        b"cookie", b"expect", b"forwarded", b"host", b"keep-alive", b"max-forwards", b"proxy-authenticate",
        b"proxy-authorization", b"proxy-connection", b"set-cookie", b"te", b"trailer", b"transfer-encoding", b"upgrade",
        b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-parallax-dry-run",
        b"x-parallax-force", b"x-parallax-shadow", b"x-real-ip", b"x-request-id",
    }
)  # fmt: skip


class Names:
    """
    The codes of one direction's field names, with a bounded memory for spellings not met before.
    """

    def __init__(self, known: dict[bytes, int], patterns: tuple[bytes, ...] = (), *, is_answer: bool = False) -> None:
        self._known = known
        self._is_answer = is_answer
        self._patterns = patterns
        self.codes: dict[bytes, int] = {}
        for name, code in known.items():
            for spelling in (name, name.title(), name.upper()):
                self.codes[spelling + b":"] = code

    def learn(self, line: bytes) -> int:
        """
        The code of a field line whose name is not in `codes` yet. Raises `BadMessage` (400) if it is no field line.
        """
        name, colon, _ = line.partition(b":")
        if not colon or not name or name.translate(None, TOKEN_BYTES):
            raise BadMessage(400, "malformed field line")
        lower = name.lower()
        code = self._known.get(lower)
        if code is None and lower.startswith(OURS):
            # To whoever is behind a gateway that makes variables of fields (RFC 3875 §4.1.18), X_A is X-A.
            meant = lower.replace(b"_", b"-")
            code = DROP if meant in self._known or (self._is_answer and meant.startswith(RESERVED)) else None
        elif code is None and b"method" in lower and self._known.get(lower.replace(b"_", b"-")) == OVERRIDE:
            code = OVERRIDE
        if code is None:
            if lower.translate(None, b"!#$%&'*+-.^_`|~0123456789") in (b"transferencoding", b"contentlength"):
                raise BadMessage(400, "a field name that looks like a framing field")
            code = SIGNIFICANT if any(lower.startswith(pattern) for pattern in self._patterns) else PLAIN
        if len(self.codes) < REMEMBERED and len(name) <= LONGEST:
            self.codes[name + b":"] = code
        return code


def request_names() -> Names:
    """
    The codes of request fields.
    """
    return Names(_REQUEST)


def answer_names(significant: tuple[str, ...], *, attributes: bool = False) -> Names:
    """
    The codes of answer fields; `significant` are the lower-case names to compare (`x-*` is a prefix, `*` is all), and
    `attributes` tells whether those of cookies are, or only their names.
    """
    cookie = COOKIE_ATTRIBUTES if attributes else COOKIE
    known = dict(_ANSWER)
    patterns = tuple(name[:-1].encode() for name in significant if name.endswith("*"))
    for name in significant:
        if not name.endswith("*") and known.get(name.encode(), PLAIN) == PLAIN and not name.startswith("x-parallax-"):
            known[name.encode()] = SIGNIFICANT
    is_compared = "set-cookie" in significant or any(b"set-cookie".startswith(pattern) for pattern in patterns)
    known[b"set-cookie"] = cookie if is_compared else COOKIE_ALONE
    return Names(known, patterns, is_answer=True)
