"""
Every endpoint of the router × every kind of token × every wrong way of asking: nothing is changed without right, and
what was turned away is in the audit.
"""

import re

from proxy.admin.throttle import WINDOW
from proxy.clock import monotonic
from tests.parts.matrix import CHANGING, OUTCOMES, cases
from tests.parts.served import DONE, Admin, admin

COUNT = re.compile(r"; ([0-9]+) in all since")


def told(served: Admin, *actions: str) -> int:
    """
    How many requests the audit tells of in lines of these actions, those that are only counted included.
    """
    counts = [COUNT.search(entry.reason) for entry in served.steering.entries if entry.action in actions]
    return sum(1 if found is None else int(found[1]) for found in counts)


async def test_nobody_changes_anything_without_right_and_everything_else_is_in_the_audit() -> None:
    """
    The one good way changes; each other one is turned away by a status that fits, and counted.
    """
    expected = dict.fromkeys(OUTCOMES, 0)
    async with admin() as served:
        served.know()
        # Taken from the router, so that a new endpoint can't be forgotten.
        routes = {(route.method, route.resource.canonical) for route in served.app.router.routes() if route.resource}
        for case in cases((method, path) for method, path in routes if method != "*"):
            before = len(served.steering.done())
            method, target, token, fields, body = case.request()
            answer = await served.ask(target, method, body, token=token, **fields)

            assert (len(served.steering.done()) > before) is (case.outcome == "changed"), case
            assert case.fits(answer.status), f"{case}: {answer.status}"
            assert b"plx_" not in answer.body
            expected[case.outcome] += 1
        served.port.tick(monotonic() + WINDOW + 1)

        assert expected["changed"] == len(CHANGING)
        assert told(served, *DONE) == expected["changed"]
        assert told(served, "refused") == expected["refused"]
        assert told(served, "sign_in_failed") == expected["sign_in_failed"]
        assert min(expected.values()) > 3
        assert served.troubles == []
