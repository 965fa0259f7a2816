"""
What `parallax status` asks a running Parallax, and how it tells the answer.
"""

import json
import re
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import OpenerDirector, ProxyHandler, build_opener

# Control answers from memory; what takes longer is not coming.
PATIENCE = 5.0
LARGEST = 16 * 1024 * 1024
ADMIN_URL = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?")
WEIGHTS = {"old", "new", "mirror", "killed", "workers", "warnings"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    The answers of `/readyz` and `/admin/weights`: `reason` is why not ready, `weights` None when there was no answer.
    """

    ready: bool
    reason: str
    weights: dict[str, Any] | None

    def as_json(self) -> str:
        """
        For scripts.
        """
        return json.dumps({"ready": self.ready, "reason": self.reason, "weights": self.weights}, indent=2)

    def as_lines(self) -> list[str]:
        """
        For people.
        """
        lines = ["ready" if self.ready else f"not ready: {self.reason}"]
        if self.weights is None:
            return lines
        weights = self.weights
        lines.append(f"old answers {weights['old']:g} % of requests, new {weights['new']:g} %")
        lines.append(f"{weights['mirror']:g} % of copyable requests are copied")
        if weights["killed"]:
            lines.append("killed: everything goes to old and nothing is copied")
        return [
            *lines,
            *(f"worker {one['id']}: epoch {one['epoch']}, configuration {one['config']}" for one in weights["workers"]),
            *(f"{warning} (warning)" for warning in weights["warnings"]),
        ]


def ask(admin: str) -> Status:
    """
    The status of the Parallax whose admin address is `admin`. Raises `ValueError` when that is no http URL.
    """
    if ADMIN_URL.fullmatch(admin) is None:
        raise ValueError(f"{admin!r} is no admin address; write http://HOST:PORT, such as http://127.0.0.1:9900")
    # An http_proxy of the environment is for the world outside, not for our own admin port.
    opener = build_opener(ProxyHandler({}))
    base = admin.rstrip("/")
    try:
        code, reason = _get(opener, f"{base}/readyz")
        known, text = _get(opener, f"{base}/admin/weights")
        weights = json.loads(text) if known == 200 else None
        if weights is not None and not set(weights) >= WEIGHTS:
            raise ValueError("other weights than ours")
        return Status(ready=code == 200, reason="" if code == 200 else reason.strip(), weights=weights)
    except (URLError, OSError) as error:
        cause = getattr(error, "reason", None) or error
        said = getattr(cause, "strerror", None) or str(cause)
        reason = f"nothing answers at {base} ({said.lower()}); start `parallax serve`, or name its address with --admin"
    except (HTTPException, TypeError, ValueError):
        reason = f"what answers at {base} is no Parallax; name its admin address with --admin"
    return Status(ready=False, reason=reason, weights=None)


def _get(opener: OpenerDirector, url: str) -> tuple[int, str]:
    try:
        with opener.open(url, timeout=PATIENCE) as answer:
            return answer.status, answer.read(LARGEST).decode(errors="replace")
    except HTTPError as error:
        with error:
            return error.code, error.read(LARGEST).decode(errors="replace")
