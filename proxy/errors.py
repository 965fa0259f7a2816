"""
What can go wrong and whose fault it is.

One small tree; builtins elsewhere. No class here without a `raise` and an `except`.
"""

from typing import Literal

StoreKind = Literal["full", "read_only", "busy", "corrupt", "newer", "stale", "other"]


class ParallaxError(Exception):
    """
    Base of everything that Parallax raises on purpose.
    """


class ConfigurationError(ParallaxError):
    """
    The operator's configuration can't be used.

    Each of `problems` is one sentence: where, what, and what would be right; `str()` has one a line.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class LinkError(ParallaxError):
    """
    Another process of ours sent bytes that are no frame; the link is closed.
    """


class StoreError(ParallaxError):
    """
    The store can't do what was asked; nothing of it was done. `str()` is a sentence for the operator.

    `kind`: full, read_only (the file, its folder or the file system), busy (another process writes, for longer than we
    wait), corrupt (`reopen` puts it right), newer (written by a later Parallax), stale (the epoch isn't greater than
    the stored one), other.
    """

    def __init__(self, kind: StoreKind, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class BadMessage(ParallaxError):
    """
    A peer sent bytes that are not acceptable HTTP/1.1.

    `status` is the answer a client gets for it (4xx/5xx when the client is at fault; an origin's fault is always
    502), `detail` a fixed phrase that never quotes the peer's bytes.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class RemoteError(ParallaxError):
    """
    A running Parallax can't be asked, or says no. `str()` is a sentence: what, where, and what to do.

    `status` is that of its answer, None when none came. `usage`: it has to be asked differently, not only later.
    """

    def __init__(self, sentence: str, *, status: int | None = None, usage: bool = False) -> None:
        super().__init__(sentence)
        self.status = status
        self.usage = usage
