"""
Every notice arrives, whenever who sends it is killed, and whatever receivers do in between.
"""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

import pytest

from proxy.notify.channel import REPEAT
from proxy.plan.outbox import NoticeState
from proxy.store.store import Store
from tests.parts.outside import Asked, Does, outside
from tests.parts.told import a_notice

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
# As control sends, with pauses that a test can wait for; it ends when nothing is left to be sent, if told to.
PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from proxy.ledger import Ledger
from proxy.notify.channel import Channel
from proxy.notifying import Notifier

class Owner:
    def opened(self, stored, trouble): assert trouble is None
    def written(self, line): pass
    def tell(self, level, event, /, **fields): pass

class Watched(Ledger):
    async def write(self, call, *, epoch=None):
        await super().write(call, epoch=epoch)
        if sys.argv[-1] == "end" and not await self.read(lambda store: store.notices()):
            os._exit(0)

async def send(url, folder, one, other, chat, _):
    ledger = Watched(url, Owner())
    ledger.start()
    await ledger.settled()
    notifier = Notifier(ledger, Owner().tell, pause=lambda attempts, roll: 0.01)
    notifier.start()
    channels = {"one": Channel(webhook=one), "other": Channel(webhook=other), "chat": Channel(apprise=chat)}
    notifier.use(channels, Path(folder))
    await asyncio.Event().wait()

asyncio.run(send(*sys.argv[1:]))
"""


@dataclass
class Receiver:
    """
    What arrived at one channel: each with the life of the sender in which it was taken. `kill_at` counts down to the
    request in the middle of which, or around whose answer, the sender is killed.
    """

    scene: "Scene"
    taken: list[tuple[str, int]] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def does(self, asked: Asked) -> Does:
        """
        Take it, or not.
        """
        scene, roll = self.scene, self.scene.random.random()
        scene.kill_at -= 1
        if scene.kill_at == 0 and roll < 0.4:
            scene.kill()
            return "hang"
        if scene.kill_at == 0:
            # Around the answer, and around the mark that is made after it.
            asyncio.get_running_loop().call_later(scene.random.uniform(0, 0.01), scene.kill)
        elif roll < 0.12:
            return 500
        elif roll < 0.2:
            return "reset"
        number = asked.headers.get("Idempotency-Key") or asked.json["title"]
        assert self.bodies.setdefault(number, asked.body) == asked.body or "title" in asked.json
        self.texts.append(asked.json.get("message", ""))
        self.taken.append((number, scene.life))
        return 200

    def check(self, expected: list[str], kills: int) -> None:
        """
        All came, in order, and none twice in one life.
        """
        lives: dict[str, list[int]] = {}
        for number, life in self.taken:
            lives.setdefault(number, []).append(life)
        assert list(lives) == expected
        assert all(len(set(known)) == len(known) for known in lives.values()), lives
        assert len(self.taken) - len(expected) <= kills


class Scene:
    """
    A sender that is started and killed, again and again.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.url = f"sqlite:///{folder}/parallax.db"
        self.folder = folder
        self.random = Random(seed)
        self.life = 0
        self.kill_at = 0
        self.process: Process | None = None

    async def start(self, *arguments: str) -> Process:
        """
        The sender's next life.
        """
        self.life += 1
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, self.url, str(self.folder), *arguments, cwd=ROOT, stdin=DEVNULL
        )
        return self.process

    def kill(self) -> None:
        """
        The end of it.
        """
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    def put(self, number: int) -> None:
        """
        Something to be told by every channel.
        """
        store = Store.open(self.url).store
        store.put_notices(
            a_notice(f"{channel}-{number}", channel, subject=f"{channel}-{number}", must=True)
            for channel in ("one", "other", "chat")
        )
        store.close()


async def survives(folder: Path, *, notices: int, kills: int, seed: int) -> int:
    """
    So many notices to each of three channels with so many kills. Returns how many arrived twice.
    """
    scene = Scene(folder, seed)
    one, other, chat = receivers = [Receiver(scene) for _ in range(3)]
    numbers = count()
    share = notices // (kills + 1)
    async with outside(one.does) as first, outside(other.does) as second, outside(chat.does) as third:
        addresses = (first.url, second.url, f"json://{third.url.removeprefix('http://')}")
        for _ in range(kills):
            for _ in range(share):
                scene.put(next(numbers))
            scene.kill_at = scene.random.randint(1, 3 * share)
            await (await scene.start(*addresses, "go on")).wait()
        while (number := next(numbers)) < notices:
            scene.put(number)
        sender = await scene.start(*addresses, "end")
        async with asyncio.timeout(PATIENCE):
            assert await sender.wait() == 0
    store = Store.open(scene.url).store
    assert Counter(notice.state for notice in store.notices(settled=True)) == {NoticeState.SENT: 3 * notices}
    store.close()
    for name, receiver in zip(("one", "other", "chat"), receivers, strict=True):
        receiver.check([f"{name}-{number}" for number in range(notices)], kills)
    twice = {taken for taken, times in Counter(taken for taken, _ in chat.taken).items() if times > 1}
    for repeated in twice:
        texts = [text for (taken, _), text in zip(chat.taken, chat.texts, strict=True) if taken == repeated]
        assert all(text.endswith(REPEAT) for text in texts[1:])
    return sum(len(receiver.taken) for receiver in receivers) - 3 * notices


async def test_each_notice_arrives_though_its_sender_is_killed(tmp_path: Path) -> None:
    """
    Once, or again under the same number where the kill fell between its arrival and the mark; in order.
    """
    await survives(tmp_path, notices=24, kills=3, seed=6)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(3))
async def test_two_hundred_notices_and_twenty_kills(tmp_path: Path, seed: int) -> None:
    """
    At any moment.
    """
    await survives(tmp_path, notices=200, kills=20, seed=seed)
