"""
What is on the screen, as text.
"""

from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from proxy.demo.course import Place
from proxy.demo.planted import PLANTED
from proxy.demo.reading import Reading, Signature
from proxy.demo.summary import Check, Row, Signed, Summary
from proxy.demo.tally import MIX, Tally
from proxy.demo.users import Users, name
from proxy.demo.view import Scene, live, progress, result

SCENE = Scene(
    elapsed=12.0,
    seconds=30.0,
    rate=249.6,
    listen="127.0.0.1:54321",
    old="127.0.0.1:54322",
    new="127.0.0.1:54323",
    new_weight=0.0,
    mirror=100.0,
    killed=False,
    says="everybody is on old",
    place=Place(phase="running", stage="half", step="observing", passed=frozenset({"copies", "staff", "tenth"})),
    tally=Tally(answered=12_345),
    readings=tuple(
        Reading(
            endpoint=endpoint,
            eligible=12_345,
            verdicts={"identical": 11_345, "divergent": 1000},
            old=(123.4, 234.5),
            new=(123.4, 234.5),
        )
        for endpoint in MIX
    ),
)
GOOD = Summary(
    rows=tuple(
        Row(endpoint=planted.endpoint, planted=planted, met=12_345, found="12,345", good=True) for planted in PLANTED
    ),
    signed=tuple(
        Signed(
            signature=Signature(
                id="5edc9415ac05fbe4",
                endpoint=planted.endpoint,
                parts=planted.parts or planted.noise,
                count=12_345,
                last=0.0,
            ),
            early=not planted.parts,
            good=True,
        )
        for planted in PLANTED
        if planted.parts or planted.noise
    ),
    checks=(Check(sentence="The books balance", good=True),),
)


def lines(shown: RenderableType, width: int) -> list[str]:
    console = Console(width=width, force_terminal=True, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(shown)
    return [line.rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize("width", [80, 115, 116, 120, 200])
def test_the_live_view_fits_its_terminal(width: int) -> None:
    """
    24 lines are enough, and nothing is cut off or folded, with numbers as large as they come.
    """
    shown = lines(live(SCENE, width), width)

    assert len(shown) <= 23
    assert max(map(cell_len, shown)) <= width
    assert "…" not in "".join(shown)
    for endpoint in MIX:
        assert sum(line.startswith(f"{endpoint} ") for line in shown) == 1


@pytest.mark.parametrize("width", [80, 120])
def test_users_on_new_are_shown(width: int) -> None:
    """
    What the operator did, how many came to be on new, and that they stay; within the same bounds.
    """
    users = Users(first={name(number): 1.0 for number in range(56)})
    scene = replace(SCENE, new_weight=25.0, says="restored: 25 % of users are on new", tally=Tally(users=users))
    shown = lines(live(scene, width), width)

    assert shown[1] == "now      restored: 25 % of users are on new  (so far 56 of 200; came back: 0)"
    assert shown[3].endswith("answers 75 %")
    assert shown[4].endswith("answers 25 %, copies 100 %")
    assert len(shown) <= 23
    assert max(map(cell_len, shown)) <= width


def test_a_kill_shows_what_is_in_force() -> None:
    """
    And not what comes back after it.
    """
    shown = lines(live(replace(SCENE, new_weight=25.0, killed=True, says="killed"), 80), 80)

    assert shown[3].endswith("answers 100 %")
    assert shown[4].endswith("copies of 0 % of reads")


def test_where_the_plan_is_is_one_line() -> None:
    """
    What is behind it, where it is, what is to come; and in the end that it is over.
    """
    over = Place(phase="finished", passed=frozenset({"copies", "staff", "tenth", "half", "all"}))

    assert lines(live(SCENE, 80), 80)[2] == "plan     ✓ copies ─ ✓ staff ─ ✓ tenth ─ ● half ─ ○ all   observing"
    assert lines(live(replace(SCENE, place=over), 80), 80)[2].endswith("✓ half ─ ✓ all   finished")


def test_the_live_view_begins_empty() -> None:
    """
    Before the first answer there are no figures, and nothing divides by zero.
    """
    shown = lines(live(replace(SCENE, elapsed=0.0, rate=0.0, tally=Tally(), readings=()), 80), 80)

    assert "0 identical" in "\n".join(shown)


def test_divergence_comes_first_and_the_unexpected_is_marked() -> None:
    """
    Endpoints stand in order of their share of divergence; a divergence that nobody planted has a cross.
    """
    readings = (
        Reading(endpoint="GET /stores", eligible=10, verdicts={"identical": 9, "divergent": 1}),
        Reading(endpoint="GET /health", eligible=10, verdicts={"identical": 8, "divergent": 2}),
    )
    shown = lines(live(replace(SCENE, readings=readings), 80), 80)
    table = [line for line in shown if line.startswith(("GET", "PUT", "POST"))]

    assert table[0].split() == ["GET", "/health", "10", "2", "20", "%", "✗"]
    assert table[1].split() == ["GET", "/stores", "10", "1", "10", "%", "✓"]


def test_the_verdict_bar_is_as_wide_as_the_screen_and_shows_every_kind() -> None:
    """
    Even one failed exchange among many gets a cell of its own.
    """
    reading = Reading(endpoint="GET /stores", eligible=10_000, verdicts={"identical": 9_999, "failed": 1})
    console = Console(width=80, force_terminal=True, color_system="standard", highlight=False)
    with console.capture() as capture:
        console.print(live(replace(SCENE, readings=(reading,)), 80))
    bar = next(line for line in capture.get().splitlines() if "█" in line)

    assert bar.count("█") == 71
    assert "\x1b[33m█\x1b[0m" in bar


def test_a_progress_line_says_the_same_in_plain_words() -> None:
    """
    One line, without colours.
    """
    assert progress(SCENE) == (
        " 12 s  0 requests (250/s): 147,485 identical, 0 noise, 13,000 divergent, 0 failed, 0 skipped; "
        "client errors 0; plan half (observing); "
        "everybody is on old"
    )


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_fits_its_terminal(width: int) -> None:
    """
    Nothing is cut off or folded.
    """
    shown = lines(result(GOOD, width), width)

    assert max(map(cell_len, shown)) <= width
    assert "…" not in "".join(shown)
    assert "All as planted: differences found, noise called noise, nothing else blamed." in shown


def test_the_summary_names_signatures_and_counts_those_of_the_time_before_noise_was_known() -> None:
    """
    One line each for what was planted, one line for all of the rest.
    """
    shown = [" ".join(line.split()) for line in lines(result(GOOD, 120), 120)]

    assert "✓ 5edc9415ac05fbe4 GET /cart/{id} status:200:500 12,345" in shown
    assert "✓ 5edc9415ac05fbe4 GET /stores media_type $, header:content-type 12,345" in shown
    assert "and 2 with noise in them, before it was known: 24,690 pairs" in shown


def test_a_bad_summary_names_what_is_bad() -> None:
    """
    The endpoints that are not as planted stand in the last line.
    """
    summary = replace(GOOD, rows=(replace(GOOD.rows[0], good=False), *GOOD.rows[1:]))

    assert "Not as planted at GET /products/{id}; see ✗ above." in lines(result(summary, 80), 80)
