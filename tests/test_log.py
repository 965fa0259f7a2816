"""
Log lines are JSON, and nobody who doesn't read them can hold Parallax up.
"""

import json
import os
import select
from typing import Any

from proxy.log import Allowance, LineWriter, build_log, open_log

PATIENCE = 10.0


def lines_until(fd: int, event: str) -> list[dict[str, Any]]:
    """
    The lines read from `fd` up to the first one with this event.
    """
    data = b""
    while event.encode() not in data or not data.endswith(b"\n"):
        assert select.select([fd], [], [], PATIENCE)[0], f"{event} is not among the last of {data[-500:]!r}"
        data += os.read(fd, 1 << 20)
    return [json.loads(line) for line in data.splitlines()]


def test_an_event_is_one_line_of_json_whatever_is_in_it() -> None:
    """
    No byte of a peer can begin a line of its own or reach a terminal as a command.
    """
    reading, writing = os.pipe()
    with open_log("supervisor", writing) as log:
        log.warning("odd", text='a\r\n{"event": "forged"}\x1b[31m\u2028\x9b', thing=object())
    os.close(writing)
    raw = os.read(reading, 1 << 16)
    os.close(reading)

    line = json.loads(raw)
    assert raw.count(b"\n") == 1
    assert raw.isascii()
    assert b"\x1b" not in raw
    assert line["event"] == "odd"
    assert line["level"] == "warning"
    assert line["process"] == "supervisor"
    assert line["timestamp"].endswith("Z")


def test_an_exception_is_a_kind_and_a_place() -> None:
    """
    Its text can quote what was in hand, so it is left out.
    """
    reading, writing = os.pipe()
    with open_log("control", writing) as log:
        try:
            raise ValueError("s3cr3t")
        except ValueError:
            log.exception("broken")
    os.close(writing)

    (line,) = lines_until(reading, "broken")
    os.close(reading)
    assert line["level"] == "error"
    assert line["error"] == "ValueError"
    assert line["where"][0].startswith("test_log.py:")
    assert "s3cr3t" not in str(line)


def test_a_reader_that_stopped_costs_lines_and_no_time_and_they_are_counted() -> None:
    """
    The queue is bounded; when there is room again the log tells how many are missing.
    """
    reading, writing = os.pipe()
    writer = LineWriter(writing, capacity=4)
    log = build_log("supervisor", writer)
    for number in range(50):
        log.info("big", number=number, filler="x" * 50_000)

    assert writer.dropped > 0
    dropped = writer.dropped
    lines = lines_until(reading, "log_lines_dropped")
    log.info("again")
    lines += lines_until(reading, "again")
    writer.close()

    assert sum(line.get("lines", 0) for line in lines) == dropped == writer.dropped
    assert len([line for line in lines if line["event"] == "big"]) == 50 - dropped
    os.close(reading)
    os.close(writing)


def test_a_reader_that_went_away_is_survived() -> None:
    """
    EPIPE loses lines, not the log: a new reader on the same descriptor gets what comes then.
    """
    reading, writing = os.pipe()
    os.close(reading)
    writer = LineWriter(writing)
    log = build_log("supervisor", writer)
    log.info("lost")
    # A second writer's flush tells nothing about the first, so wait by ending: the thread has written before it ends.
    writer.close()
    assert writer.dropped == 1

    reading, fresh = os.pipe()
    os.dup2(fresh, writing)
    with open_log("supervisor", writing) as second:
        second.info("heard")

    assert [line["event"] for line in lines_until(reading, "heard")] == ["heard"]
    for fd in (reading, writing, fresh):
        os.close(fd)


def test_one_writer_goes_on_after_a_reader_was_replaced() -> None:
    """
    The same writer serves the new reader and tells what was lost.
    """
    reading, writing = os.pipe()
    writer = LineWriter(writing, capacity=100)
    log = build_log("supervisor", writer)
    log.info("first")
    lines_until(reading, "first")
    fresh_reading, fresh = os.pipe()
    os.close(reading)
    while not writer.dropped:
        log.info("lost")
    os.dup2(fresh, writing)
    log.info("heard")

    lines = lines_until(fresh_reading, "log_lines_dropped")
    writer.close()
    assert sum(line.get("lines", 0) for line in lines) > 0
    for fd in (fresh_reading, writing, fresh):
        os.close(fd)


def test_a_descriptor_that_somebody_made_non_blocking_is_waited_for() -> None:
    """
    A terminal shared with another program can be in that state.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    writer = LineWriter(writing)
    log = build_log("supervisor", writer)
    for number in range(20):
        log.info("big", number=number, filler="x" * 20_000)
    log.info("last")

    lines = lines_until(reading, "last")
    writer.close()

    assert [line["number"] for line in lines[:-1]] == list(range(20))
    assert writer.dropped == 0
    os.close(reading)
    os.close(writing)


def test_closing_does_not_wait_for_ever_for_a_reader() -> None:
    """
    The exit of a process doesn't depend on who reads its log.
    """
    reading, writing = os.pipe()
    writer = LineWriter(writing, capacity=2)
    while not writer.dropped:
        writer.write("x" * 100_000)

    writer.close(0.05)

    # Nothing to assert but that we got here; the thread is a daemon and ends with its reader.
    os.close(reading)


def test_an_allowance_lets_a_burst_through_then_a_rate_and_counts_what_it_refused() -> None:
    """
    A storm of one event can't fill the log.
    """
    allowance = Allowance(rate=2.0, burst=3)

    assert [allowance.take(100.0) for _ in range(5)] == [0, 0, 0, None, None]
    assert allowance.take(100.4) is None
    assert allowance.take(100.5) == 3
    assert allowance.take(200.0) == 0
    assert [allowance.take(200.0) for _ in range(3)] == [0, 0, None]
