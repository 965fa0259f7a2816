"""
`parallax plan validate`, and `parallax check` for plans, as somebody at a terminal has them.
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main
from tests.plan.test_parse import LEAST

PLANS = Path(__file__).parents[1] / "config" / "plans"


def run(*words: str | Path) -> Result:
    """
    One command, and what came of it.
    """
    return CliRunner().invoke(main, [str(word) for word in words], prog_name="parallax")


def write(folder: Path, text: str) -> Path:
    """
    A plan, with no configuration beside it.
    """
    file = folder / "migration.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("name", ["minimal", "orders-read"])
def test_examples_can_be_used_without_a_warning(name: str) -> None:
    """
    With the configuration that they name.
    """
    result = run("plan", "validate", PLANS / f"{name}.yaml")

    assert result.exit_code == 0, result.output
    assert "can be used: plan" in result.output
    assert "warning" not in result.output


def test_the_demos_plan_can_be_used() -> None:
    """
    Its configuration is made when the demo runs; that it isn't there is said.
    """
    result = run("plan", "validate", PLANS / "demo.yaml")

    assert result.exit_code == 0
    assert "parallax.yaml isn't there, so nothing was held against it" in result.output


def test_it_says_how_long_gates_take_and_what_a_defect_costs() -> None:
    """
    For each live stage.
    """
    said = run("plan", "validate", PLANS / "orders-read.yaml").output

    assert "Time that gates take at 200 requests a second" in said
    assert "guard wrong-answers has taken new back" in said
    assert "at live-10" in said


def test_scripts_get_values() -> None:
    """
    The same as people, with the plan's hash.
    """
    found = json.loads(run("plan", "validate", PLANS / "minimal.yaml", "--json").stdout)

    assert found["plan"] == "hello"
    assert len(found["hash"]) == 64
    assert [stage["weight"] for stage in found["stages"]] == [0, 10, 100]
    assert all(one["fits"] for one in found["gates"])
    assert {one["stage"] for one in found["blast_radius"]} == {"live-10", "live-100"}
    assert found["problems"] == []


def test_all_problems_are_told_with_exit_code_2(tmp_path: Path) -> None:
    """
    Those of the text at first, and as a list for scripts.
    """
    file = write(tmp_path, LEAST + "drills: []\ngates: {same: {event: mismatch}}\n")

    result = run("plan", "validate", file)
    values = run("plan", "validate", file, "--json")

    assert result.exit_code == values.exit_code == 2
    assert [line.partition(": ")[0] for line in result.output.splitlines()] == [f"{file}:5", f"{file}:6"]
    assert json.loads(values.stdout)["problems"] == result.output.splitlines()


def test_a_configuration_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    """
    In the plan, or on the command line.
    """
    named = run("plan", "validate", write(tmp_path, LEAST + "config: elsewhere.yaml\n"))
    told = run("plan", "validate", write(tmp_path, LEAST), "--config", tmp_path / "nowhere.yaml")

    assert named.exit_code == told.exit_code == 2
    assert "elsewhere.yaml: can't be read" in named.output
    assert "nowhere.yaml: can't be read" in told.output


def test_check_knows_a_plan_by_its_first_key(tmp_path: Path) -> None:
    """
    Beside configurations, comments before it or not.
    """
    broken = write(tmp_path, "# a plan\n\n" + LEAST)

    good = run("check", PLANS / "minimal.yaml", PLANS / "minimal.parallax.yaml")
    bad = run("check", PLANS / "minimal.yaml", broken)

    assert good.exit_code == 0
    assert "can be used: plan hello" in good.output
    assert "can be used: old http" in good.output
    assert bad.exit_code == 2
    assert "stages.shadow.gates: is missing" in bad.output
