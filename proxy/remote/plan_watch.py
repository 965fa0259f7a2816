"""
`parallax plan status`, once or until Ctrl-C: looks once a second, through restarts of whatever it looks at.
"""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import sleep
from types import FrameType
from typing import Any, Final

import click
from rich.console import Console
from rich.live import Live

from proxy.clock import time
from proxy.errors import RemoteError
from proxy.remote.call import ask
from proxy.remote.find import Target
from proxy.remote.plan_picture import line, picture
from proxy.remote.show import tamed

LOOK_EVERY: Final = 1.0
DONE: Final = 0
# As wide as a page, where there is no terminal that says how wide it is.
PAGE: Final = 100

Show = Callable[[dict[str, Any] | None, str], None]


def show(shown: dict[str, Any]) -> None:
    """
    The picture, once.
    """
    console = Console(highlight=False, markup=False)
    width = console.width if console.is_terminal else PAGE
    Console(highlight=False, markup=False, width=width).print(picture(shown, width))


def watch(target: Target, again: Callable[[], Target], *, as_json: bool) -> int:
    """
    Show the plan of the Parallax at `target` until Ctrl-C or SIGTERM, each a proper end. `again` finds the same one
    again, and is asked when it didn't answer.
    """
    signal.signal(signal.SIGTERM, _end)
    try:
        with _screen(as_json) as draw:
            while True:
                try:
                    draw(ask(target, "GET", "/admin/plan")[1], "")
                except RemoteError as error:
                    draw(None, str(error))
                    target = again()
                sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        return DONE


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _screen(as_json: bool) -> Iterator[Show]:
    console = Console(highlight=False, markup=False)
    if console.is_terminal and not as_json:
        # Redrawn when something was looked at, by this thread: rich's own refreshing would be another one.
        with Live(console=console, auto_refresh=False, transient=False) as live:
            yield lambda shown, trouble: live.update(
                tamed(trouble) if shown is None else picture(shown, console.width), refresh=True
            )
        return
    told = ""

    def print_news(shown: dict[str, Any] | None, trouble: str) -> None:
        nonlocal told
        news = tamed(trouble) if shown is None else line(shown)
        if news == told:
            return
        told = news
        stamp = datetime.fromtimestamp(time(), UTC).strftime("%H:%M:%SZ")
        click.echo(json.dumps(shown or {"error": trouble}) if as_json else f"{stamp}  {news}")

    yield print_news
