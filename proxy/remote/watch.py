"""
`parallax status --watch`: looks once a second until Ctrl-C, through restarts of whatever it looks at.
"""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from time import sleep
from types import FrameType
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from proxy.clock import monotonic, time
from proxy.remote.find import Target
from proxy.remote.look import look
from proxy.remote.picture import Moment, line, picture, rates
from proxy.remote.show import tamed

LOOK_EVERY = 1.0
DONE = 0


def watch(target: Target, again: Callable[[], Target], *, as_json: bool) -> int:
    """
    Show the Parallax at `target` until Ctrl-C or SIGTERM, each a proper end. `again` finds the same one again, and is
    asked when it didn't answer.
    """
    signal.signal(signal.SIGTERM, _end)
    try:
        with _screen(as_json) as show:
            before: dict[str, Any] | None = None
            then = now = monotonic()
            while True:
                found, at = look(target), monotonic()
                if not as_json:
                    found = replace(found, reason=tamed(found.reason), weights=tamed(found.weights))
                told = rates(before, found.weights, at - then)
                if found.weights is not None:
                    before, then = found.weights, at
                show(Moment(status=found, weights=before, since=at - then, rates=told), target.url)
                if found.weights is None:
                    target = again()
                now = max(now + LOOK_EVERY, at)
                sleep(max(0.0, now - monotonic()))
    except KeyboardInterrupt:
        return DONE


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _screen(as_json: bool) -> Iterator[Callable[[Moment, str], None]]:
    console = Console(highlight=False, markup=False)
    if console.is_terminal and not as_json:
        # Redrawn when something was looked at, by this thread: rich's own refreshing would be another one.
        with Live(console=console, auto_refresh=False, transient=False) as live:
            yield lambda moment, url: live.update(picture(moment, url, console.width), refresh=True)
        return
    shown = ""

    def print_news(moment: Moment, _url: str) -> None:
        nonlocal shown
        news = json.dumps(moment.status.as_values()) if as_json else line(moment)
        if news != shown:
            shown = news
            stamp = datetime.fromtimestamp(time(), UTC).strftime("%H:%M:%SZ")
            click.echo(news if as_json else f"{stamp}  {news}")

    yield print_news
