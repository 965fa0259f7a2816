"""
The supervisor as an operator meets it: a real process, real signals, real children that do what children may do.
"""

import asyncio
import json
import os
import signal

import pytest

from proxy.supervise.sockets import listen_on
from proxy.tasks import spawn
from tests.parts.supervised import crash, ended, kinds_heard, status_heard, supervised, workers_heard

# Start.


async def test_ready_is_one_line_with_the_real_addresses_once_all_workers_accept() -> None:
    """
    Whoever starts Parallax reads there where it listens.
    """
    async with supervised(workers=2) as run:
        line = await run.ready()

        assert line["workers"] == 2
        assert line["pid"] == run.process.pid
        assert (line["old"], line["new"]) == ("http://127.0.0.1:9001", "http://127.0.0.1:9002")
        assert len(run.all("worker_ready")) == 2
        assert len(run.all("ready")) == 1
        assert {(await run.ask("listen", "/"))[0] for _ in range(10)} == {200}
        assert (await run.ask("admin", "/"))[0] == 200


async def test_health_tells_starting_from_ready() -> None:
    """
    Alive from the start; ready once a worker is.
    """
    with listen_on("health.listen", ("127.0.0.1", 0)) as free:
        where = free.getsockname()
    async with supervised(worker="unready", health=where) as run:
        run.addresses["health"] = where
        await run.see("starting")
        await run.see("begun", role="worker")

        assert await run.ask("health", "/healthz") == (200, "ok")
        assert await run.ask("health", "/readyz") == (503, "no worker is ready")

    async with supervised() as run:
        await run.ready()

        assert await run.ask("health", "/healthz") == (200, "ok")
        assert await run.ask("health", "/readyz") == (200, "ready")


async def test_children_do_not_hear_the_signals_that_a_terminal_sends_to_all() -> None:
    """
    From their first instruction on, so that none dies of Ctrl-C before it could ignore it.
    """
    async with supervised() as run:
        await run.ready()
        for role in ("worker", "control"):
            begun = await run.see("begun", role=role)
            assert set(begun["ignored"]) == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1}


async def test_a_port_in_use_is_refused_with_one_sentence() -> None:
    """
    Nothing was started then.
    """
    with listen_on("listen", ("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with supervised(listen=["127.0.0.1", port], workers=2) as run:
            assert await run.end() == 2
            assert [line["text"] for line in run.events] == [
                f"listen: 127.0.0.1:{port} is in use by another process; stop that, or set listen to a free port\n"
            ]


@pytest.mark.parametrize(
    ("start", "seconds", "why"), [("unready", 0.5, "not ready within 0.5 s"), ("exit", 4.0, "exit code 7")]
)
async def test_without_any_worker_that_works_it_gives_up_and_says_why(start: str, seconds: float, why: str) -> None:
    """
    Exit code 1, with the last thing that is known of each worker.
    """
    async with supervised(worker=start, ready_timeout=seconds, silence_timeout=0.5) as run:
        assert await run.end() == 1
        assert (await run.see("no_worker_ready"))["why"] == f"worker 0: {why}"
        assert run.left() == []


async def test_a_command_that_does_not_exist_is_explained() -> None:
    """
    The operating system's reason, not a traceback.
    """
    async with supervised(worker_command=["/nowhere/python"], ready_timeout=0.5, silence_timeout=0.5) as run:
        assert await run.end() == 1
        assert "No such file" in (await run.see("no_worker_ready"))["why"]


async def test_without_control_traffic_flows() -> None:
    """
    The data plane doesn't wait for the control plane.
    """
    async with supervised(control="absent") as run:
        await run.ready()
        await run.see("child_ended", child="control", why="exit code 9")

        assert (await run.ask("listen", "/"))[0] == 200
        assert (await run.ask("health", "/readyz"))[0] == 200


# Keep alive.


async def test_a_dead_worker_is_replaced_after_a_growing_pause() -> None:
    """
    Each life has a new incarnation; the slot stays.
    """
    async with supervised() as run:
        await run.ready()

        deaths = [await crash(run) for _ in range(3)]

        assert [death["restart_in"] for death, _ in deaths] == [0.1, 0.2, 0.4]
        assert {death["why"] for death, _ in deaths} == {"exit code 3"}
        incarnations = [line["incarnation"] for line in run.all("worker_ready")]
        assert incarnations == sorted(set(incarnations))
        assert {line["worker"] for line in run.all("worker_ready")} == {run.all("worker_ready")[0]["worker"]}


async def test_connections_wait_for_the_replacement() -> None:
    """
    The supervisor keeps the slot's socket open, so nothing is refused meanwhile.
    """
    async with supervised() as run:
        await run.ready()
        mark = run.mark
        await run.ask("listen", "/crash")
        await run.see("child_ended", after=mark)

        answers = await asyncio.gather(*(run.ask("listen", "/") for _ in range(20)))

        successor = await run.see("worker_ready", after=mark)
        assert answers == [(200, str(successor["pid"]))] * 20


async def test_a_killed_worker_is_named_with_its_signal() -> None:
    """
    As the kernel's out-of-memory killer would do it.
    """
    async with supervised() as run:
        await run.ready()
        os.kill((await run.see("worker_ready"))["pid"], signal.SIGKILL)

        assert (await run.see("child_ended"))["why"] == "killed by signal 9 (Killed)"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("garbage", "wrote nonsense on its link: a frame of 4294967295 bytes"),
        ("spoof", "may not send STATUS"),
        ("close_link", "had nothing left to do and stayed"),
    ],
)
async def test_a_child_that_misuses_its_link_is_killed_and_replaced(fault: str, why: str) -> None:
    """
    A worker and control; the hub goes on.
    """
    async with supervised() as run:
        await run.ready()
        culprits = {where: int((await run.ask(where, f"/{fault}"))[1]) for where in ("listen", "admin")}

        for where, pid in culprits.items():
            death = await run.see("child_ended", pid=pid)
            again = await run.see("child_started", after=run.events.index(death), child=death["child"])

            assert why in death["why"]
            assert ended(pid)
            assert await run.ask(where, "/") == (200, str(again["pid"]))


async def test_a_worker_that_speaks_first_is_heard() -> None:
    """
    A report about the start may come before the table.
    """
    async with supervised(worker="early") as run:
        await run.ready()

        assert (await run.ask("listen", "/"))[0] == 200
        assert run.all("child_ended") == []


async def test_a_silent_worker_is_killed_and_replaced() -> None:
    """
    A process that hangs would keep its share of the connections waiting.
    """
    async with supervised(silence_timeout=1.0) as run:
        await run.ready()
        _, pid = await run.ask("listen", "/silent")

        death = await run.see("child_ended", pid=int(pid))

        assert death["why"] == "silent for 1 s"
        await run.see("worker_ready", after=run.events.index(death))


async def test_no_process_is_held_against_it_that_the_whole_group_was_stopped() -> None:
    """
    Ctrl-Z and fg, or a suspended machine: time in which nobody ran doesn't count.
    """
    async with supervised(silence_timeout=0.5) as run:
        await run.ready()
        pids = [run.process.pid, *(line["pid"] for line in run.all("child_started"))]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await run.process.wait()
        mark = run.mark
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        await run.see("heard", after=mark, role="control", kind="SNAPSHOT")

        assert (await run.ask("listen", "/"))[0] == 200
        assert run.all("child_ended") == []


async def test_sighup_reaches_control_or_waits_for_the_next() -> None:
    """
    Reloading is control's business; a request to do so is not lost while there is none.
    """
    async with supervised() as run:
        await run.ready()
        await run.see("heard", role="control", kind="STATUS")
        run.signal(signal.SIGHUP)
        await run.see("heard", role="control", kind="RELOAD")

        assert (await run.ask("listen", "/"))[0] == 200
        assert run.all("reload_waits") == []

    async with supervised(control="absent") as run:
        await run.ready()
        await run.see("child_ended", child="control", restart_in=1.6)
        run.signal(signal.SIGHUP)

        assert "next control" in (await run.see("reload_waits"))["remedy"]


# The hub.


async def test_control_hears_everything_with_the_incarnation_it_came_from() -> None:
    """
    The hub fills in who spoke.
    """
    async with supervised(workers=2) as run:
        await run.ready()
        await run.ask("listen", "/report")
        report = await run.see("heard", role="control", kind="REPORT")
        for line in run.all("worker_ready"):
            await run.see("heard", role="control", kind="SNAPSHOT", incarnation=line["incarnation"])

        assert report["incarnation"] in {line["incarnation"] for line in run.all("worker_ready")}
        assert run.all("fault_found") == []


async def test_status_follows_every_change() -> None:
    """
    Ready, dead, alive again, draining; a dead incarnation stays in it while its totals are kept.
    """
    async with supervised() as run:
        await run.ready()
        ready = await status_heard(run, ready=True)
        await run.see("heard", role="control", kind="SNAPSHOT", incarnation=1)
        await crash(run)
        dead = await status_heard(run, ready=False, workers=[{**ready["workers"][0], "alive": False}])
        again = await run.see("worker_ready", after=run.events.index(run.all("child_ended")[0]))

        (worker,) = ready["workers"]
        assert worker["id"].endswith("/0")
        assert {**worker, "alive": True, "epoch": 4, "digest": "d1", "incarnation": 1} == worker
        assert dead["draining"] is False
        both = await status_heard(
            run, ready=True, workers=[*dead["workers"], {**worker, "incarnation": again["incarnation"]}]
        )
        assert len(both["workers"]) == 2
        run.signal(signal.SIGINT)
        await status_heard(run, ready=False, draining=True)


async def test_a_restarted_control_finds_the_last_totals_of_the_living_and_the_dead() -> None:
    """
    Table, status, endpoints, then a snapshot of every incarnation: no total goes backwards.
    """
    async with supervised() as run:
        await run.ready()
        await run.ask("admin", "/endpoints")
        await run.see("heard", role="worker", kind="ENDPOINTS")
        await crash(run)
        lives = [line["incarnation"] for line in run.all("worker_ready")]
        await run.see("heard", role="control", kind="SNAPSHOT", incarnation=lives[1])
        last = run.all("heard", role="control", kind="SNAPSHOT", incarnation=lives[0])[-1]["payload"]
        mark = run.mark
        await run.ask("admin", "/crash")
        control = (await run.see("child_started", after=mark, child="control"))["pid"]

        await run.see("heard", pid=control, kind="SNAPSHOT", incarnation=lives[1])
        heard = run.all("heard", pid=control)
        assert [line["kind"] for line in heard[:5]] == ["TABLE", "STATUS", "ENDPOINTS", "SNAPSHOT", "SNAPSHOT"]
        assert [line["incarnation"] for line in heard[3:5]] == lives
        assert heard[2]["payload"] == '["GET /users/{id}"]'
        assert heard[3]["payload"] == last


async def test_control_hears_first_how_it_was_started_and_a_successor_what_became_of_it() -> None:
    """
    A reload by control is known to the next one.
    """
    async with supervised(setup="a setup") as run:
        await run.ready()
        first = await run.see("heard", role="control")
        await run.ask("admin", "/setup")
        mark = run.mark
        await run.ask("admin", "/crash")
        control = (await run.see("child_started", after=mark, child="control"))["pid"]
        again = await run.see("heard", pid=control)

        assert (first["kind"], first["payload"]) == ("SETUP", "a setup")
        assert (again["kind"], again["payload"]) == ("SETUP", "another setup")


async def test_a_table_from_control_reaches_all_workers_and_their_successors() -> None:
    """
    Each acknowledges it; control finds it again after a restart.
    """
    async with supervised(workers=2) as run:
        await run.ready()
        await status_heard(run, ready=True)
        await run.ask("admin", "/table")
        status = await workers_heard(run, epoch=5)
        await run.ask("admin", "/crash")
        mark = run.mark
        _, successor = await crash(run)
        told = await run.see("heard", after=mark, pid=successor["pid"], kind="TABLE")
        again = await run.see("heard", after=mark, role="control", kind="TABLE")

        assert [worker["digest"] for worker in status["workers"]] == ["d1", "d1"]
        assert json.loads(told["payload"])["epoch"] == 5
        assert again["payload"] == told["payload"]


# The kill latch.


async def test_a_kill_reaches_every_worker_and_every_later_one_until_restored() -> None:
    """
    A new worker hears of it before its first table.
    """
    async with supervised(workers=2) as run:
        await run.ready()
        await status_heard(run, ready=True)
        await run.ask("admin", "/kill")
        status = await workers_heard(run, killed=True)
        _, successor = await crash(run)
        mark = run.mark
        await run.ask("admin", "/restore")
        after = await workers_heard(run, mark, killed=False)

        assert {**status["latch"], "killed": True, "by": "ops", "reason": "kill", "number": 1} == status["latch"]
        assert await kinds_heard(run, successor["pid"], "TABLE") == ["LATCH", "TABLE"]
        assert {**after["latch"], "killed": False, "by": "ops", "reason": "restore", "number": 2} == after["latch"]
        assert [(await run.see(event))["level"] for event in ("killed", "restored")] == ["warning", "warning"]


async def test_sigusr1_kills_also_without_control() -> None:
    """
    Whoever can signal the supervisor needs nothing else that works.
    """
    async with supervised(control="absent") as run:
        await run.ready()
        run.signal(signal.SIGUSR1)
        await run.see("heard", role="worker", kind="LATCH", payload='{"killed":true}')
        run.signal(signal.SIGUSR1)

        assert (await run.see("already_killed"))["first_by"] == "SIGUSR1"
        assert len(run.all("killed")) == 1
        assert (await run.ask("listen", "/"))[0] == 200


async def test_a_new_worker_gets_the_endpoints_before_the_table() -> None:
    """
    It knows the names when the first request comes.
    """
    async with supervised() as run:
        await run.ready()
        first = (await run.see("worker_ready"))["pid"]
        await run.ask("admin", "/endpoints")
        await run.see("heard", pid=first, kind="ENDPOINTS", payload='["GET /users/{id}"]')
        _, successor = await crash(run)

        assert await kinds_heard(run, first, "ENDPOINTS") == ["TABLE", "ENDPOINTS"]
        assert await kinds_heard(run, successor["pid"], "TABLE") == ["ENDPOINTS", "TABLE"]


async def test_without_control_the_supervisor_logs_what_workers_report_but_no_storm() -> None:
    """
    The first few of a thousand, then how many were left out.
    """
    async with supervised(control="absent") as run:
        await run.ready()
        # Wait for a pause that is long enough for all of this.
        await run.see("child_ended", child="control", restart_in=1.6)
        await run.ask("listen", "/report")
        told = await run.see("fault_found")
        await run.ask("listen", "/flood")
        await run.see("fault_found", number=40)
        logged = len(run.all("fault_found"))

        assert told["level"] == "warning"
        assert told["process"] == "supervisor"
        assert told["worker"].endswith("/0")
        assert logged < 200


# Drain and stop.


async def test_sigterm_drains_in_order_and_loses_nothing() -> None:
    """
    Not ready at once, serving on for the delay, then closed by every holder, what is in flight finished, exit 0.
    """
    async with supervised(drain_delay=1.0) as run:
        await run.ready()
        held = spawn(run.ask("listen", "/hold"), name="held request")
        await run.see("holding")
        run.signal(signal.SIGTERM)
        await run.see("draining", signal="SIGTERM", delay=1.0, seconds=28.0)

        assert await run.ask("health", "/readyz") == (503, "draining")
        assert await run.ask("health", "/healthz") == (200, "ok")
        assert (await run.ask("listen", "/"))[0] == 200
        assert await held == (200, "ok")
        assert await run.end() == 0
        pid = run.all("worker_ready")[0]["pid"]
        assert await kinds_heard(run, pid, "DRAIN") == ["TABLE", "CLOSING", "DRAIN"]
        (drain,) = run.all("heard", kind="DRAIN")
        assert 26.0 < json.loads(drain["payload"])["seconds"] < 27.1
        # The supervisor's copy was closed before it said so: the worker's was the last.
        assert run.all("listener_closed", refused=True)
        assert run.all("drained")
        # Control heard the worker's last totals, and then that it may go.
        control = run.all("begun", role="control")[0]["pid"]
        assert run.all("heard", pid=control)[-1]["kind"] == "STOP"
        assert run.all("child_ended") == []
        assert run.left() == []


async def test_all_holders_close_with_several_workers_too() -> None:
    """
    Two slots, two listeners, one exit code.
    """
    async with supervised(workers=2, drain_delay=0) as run:
        await run.ready()
        run.signal(signal.SIGTERM)

        assert await run.end() == 0
        assert len(run.all("listener_closed")) == 2
        assert run.left() == []


async def test_sigint_skips_the_delay() -> None:
    """
    Ctrl-C at a terminal: no balancer has to learn anything.
    """
    async with supervised(drain_delay=60.0, drain_timeout=90.0) as run:
        await run.ready()
        run.signal(signal.SIGINT)

        assert await run.end() == 0
        assert run.all("draining", signal="SIGINT", delay=0.0)


@pytest.mark.parametrize(
    ("first", "second"), [(signal.SIGTERM, signal.SIGINT), (signal.SIGINT, signal.SIGTERM)], ids=["term", "int"]
)
async def test_a_second_signal_ends_at_once(first: signal.Signals, second: signal.Signals) -> None:
    """
    With what is in flight, and exit code 1.
    """
    async with supervised(drain_delay=60.0, drain_timeout=90.0) as run:
        await run.ready()
        held = spawn(run.ask("listen", "/hold"), name="held request")
        await run.see("holding")
        run.signal(first)
        await run.see("draining")
        run.signal(second)

        assert await run.end() == 1
        assert run.left() == []
        await asyncio.wait([held])


async def test_at_the_deadline_what_is_left_is_killed_and_the_exit_code_says_so() -> None:
    """
    Never 0 with lost work.
    """
    async with supervised(worker="deaf", drain_delay=0, drain_timeout=0.5) as run:
        await run.ready()
        run.signal(signal.SIGTERM)

        assert await run.end() == 1
        assert run.all("drain_incomplete", workers=["worker 0"])
        assert run.left() == []


async def test_a_drained_worker_that_hangs_is_ended_and_held_against_nobody() -> None:
    """
    A thread in a DNS look-up keeps an interpreter from ending.
    """
    async with supervised(worker="lingering", drain_delay=0) as run:
        await run.ready()
        run.signal(signal.SIGTERM)

        assert await run.end() == 0
        assert run.left() == []


async def test_control_that_does_not_stop_is_ended() -> None:
    """
    One second, then it is killed; the workers' work is done.
    """
    async with supervised(control="deaf", drain_delay=0) as run:
        await run.ready()
        await run.see("begun", role="control")
        run.signal(signal.SIGTERM)

        assert await run.end() == 0
        assert run.left() == []


async def test_a_worker_that_dies_in_the_delay_is_replaced_and_drains_like_the_others() -> None:
    """
    Clients still come in that time.
    """
    async with supervised(drain_delay=1.5) as run:
        await run.ready()
        run.signal(signal.SIGTERM)
        await run.see("draining")
        _, successor = await crash(run)

        assert await run.end() == 0
        assert await kinds_heard(run, successor["pid"], "DRAIN") == ["TABLE", "CLOSING", "DRAIN"]
        assert run.left() == []


async def test_a_signal_before_it_is_ready_is_obeyed_without_a_delay() -> None:
    """
    Nobody was told to come yet.
    """
    async with supervised(drain_delay=60.0, drain_timeout=90.0) as run:
        await run.see("starting")
        run.signal(signal.SIGTERM)

        assert await run.end() == 0
        assert run.all("ready") == []
        assert run.left() == []


async def test_without_the_supervisor_the_children_end() -> None:
    """
    Killed with -9, it leaves nothing running: the end of the link tells them.
    """
    async with supervised(workers=2) as run:
        await run.ready()
        await run.see("begun", role="control")
        run.signal(signal.SIGKILL)

        assert await run.end() == -signal.SIGKILL
        assert len(run.all("link_ended")) == 3
        assert run.left() == []
