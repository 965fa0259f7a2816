"""
All addresses of a side: those that the configuration names, and what its names stand for at the moment.
"""

from ipaddress import ip_address

from proxy.net.place import Place, in_order
from proxy.net.resolver import Resolver
from proxy.routing.table import UNIX, Side


class Places:
    """
    `all` is empty until the first look-up came back; `only` is the one place of a side that has just one.
    """

    def __init__(self, side: Side, ttl: float) -> None:
        self.all: list[Place] = []
        self.only: Place | None = None
        self._fixed: list[tuple[str, int, str]] = []
        self._resolvers: list[Resolver] = []
        self._seen: list[list[str]] = []
        for text in side.addresses or (f"{side.address}:{side.port}",):
            self._add(text, ttl)
        self._follow()

    def _add(self, text: str, ttl: float) -> None:
        if text.startswith(UNIX):
            self._fixed.append(("", 0, text.removeprefix(UNIX)))
            return
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        try:
            self._fixed.append((str(ip_address(host)), int(port), ""))
        except ValueError:
            self._resolvers.append(Resolver(host, int(port), ttl))

    @property
    def detail(self) -> str:
        """
        What the system said of the last look-up that failed.
        """
        return next((resolver.detail for resolver in self._resolvers if resolver.detail), "")

    def least(self) -> Place | None:
        """
        Where the next request should go: the least outstanding, or what is soonest back if all are passed over.
        """
        if len(self.all) < 2:
            return self.only
        usable, others = in_order(self.all)
        return (usable or others)[0]

    def find(self, like: Place) -> Place | None:
        """
        The place at the same address, where there is one.
        """
        where = (like.host, like.port, like.path)
        return next((place for place in self.all if (place.host, place.port, place.path) == where), None)

    def turn(self) -> None:
        """
        Let another one be the first of those that are alike.
        """
        self.all[:] = [*self.all[1:], *self.all[:1]]

    async def known(self) -> list[Place]:
        """
        All places, waiting for look-ups while there are none. Empty when they failed.
        """
        for resolver in self._resolvers:
            resolver.begin()
        for resolver in self._resolvers:
            if self.all:
                break
            await resolver.first()
            self._follow()
        return self.all

    def tick(self, now: float) -> None:
        """
        Called by the worker's one timer: look up what has grown old, and follow what was found.
        """
        for resolver in self._resolvers:
            resolver.tick(now)
        self._follow()

    def _follow(self) -> None:
        """
        Keep the places that are still there, with all that is known of them; leave those that are gone.
        """
        found = [resolver.addresses for resolver in self._resolvers]
        if found == self._seen and self.all:
            return
        self._seen = [list(addresses) for addresses in found]
        keys = list(self._fixed)
        for resolver in self._resolvers:
            keys += ((address, resolver.port, "") for address in resolver.addresses)
        known = {(place.host, place.port, place.path): place for place in self.all}
        self.all = [known.pop(key) if key in known else Place(*key) for key in dict.fromkeys(keys)]
        self.only = self.all[0] if len(self.all) == 1 else None
        for place in known.values():
            place.is_gone = True
            for connection in place.idle:
                connection.transport.close()
            place.idle.clear()
