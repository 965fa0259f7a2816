"""
`parallax plan validate`, and `parallax check` for plans, as somebody at a terminal has them.
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main
from tests.parts.documents import status
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


def test_check_knows_a_plan_by_its_key(tmp_path: Path) -> None:
    """
    Beside configurations, wherever the key stands.
    """
    broken = write(tmp_path, "# a plan\n\ntitle: mine\n" + LEAST)

    good = run("check", PLANS / "minimal.yaml", PLANS / "minimal.parallax.yaml")
    bad = run("check", PLANS / "minimal.yaml", broken)

    assert good.exit_code == 0
    assert "can be used: plan hello" in good.output
    assert "can be used: old http" in good.output
    assert bad.exit_code == 2
    assert "stages.shadow.gates: is missing" in bad.output


def test_documents_are_written(tmp_path: Path) -> None:
    """
    All of them, each time the same bytes.
    """
    results = [run("plan", "render", PLANS / "orders-read.yaml", "--out", tmp_path / name) for name in ("a", "b")]
    first, second = (
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "a", tmp_path / "b")
    )

    assert [result.exit_code for result in results] == [0, 0]
    assert f"{len(first)} files in {tmp_path}/a; begin with {tmp_path}/a/index.html" in results[0].output
    assert first == second
    assert {"plan.md", "calendar.ics", "prometheus-rules.yml", "comms/rollback.md"} < set(first)


def test_documents_of_a_plan_under_way_have_what_has_been(tmp_path: Path) -> None:
    """
    From a file with its status.
    """
    (tmp_path / "status.json").write_text(json.dumps(status()))
    words = ("--out", tmp_path / "out", "--state", tmp_path / "status.json", "--json")
    result = run("plan", "render", PLANS / "orders-read.yaml", *words)

    assert result.exit_code == 0, result.output
    assert "final-report.md" in json.loads(result.output)["files"]
    assert "**rollback**" in (tmp_path / "out" / "final-report.md").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "{}/taken"], "taken: file exists; give a folder that can be written"),
        (["--out", "{}/out", "--state", "{}/none.json"], "none.json: can't be read"),
        (["--out", "{}/out", "--state", "{}/taken"], "taken: is no status of a plan; give what"),
        (["--out", "{}/out", "--state", "{}/taken", "--admin", "http://127.0.0.1:1"], "give one of them"),
    ],
)
def test_documents_that_cannot_be_written_say_why(words: list[str], said: str, tmp_path: Path) -> None:
    """
    In a sentence, with exit code 2.
    """
    (tmp_path / "taken").write_text("[]")
    result = run("plan", "render", PLANS / "minimal.yaml", *(word.format(tmp_path) for word in words))

    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_what_is_told_can_be_seen_before() -> None:
    """
    For every audience, or one.
    """
    all_of_them = run("plan", "preview", PLANS / "orders-read.yaml", "--event", "rollback")
    one = run("plan", "preview", PLANS / "orders-read.yaml", "--event", "rollback", "--audience", "status", "--json")
    (told,) = json.loads(one.output)

    assert all_of_them.output.count("--- for ") == 4
    assert "rolling back from live-1 to staff" in all_of_them.output
    assert (told["audience"], told["channels"]) == ("status", ["status"])
    assert told["subject"].startswith("Investigating: ")


def test_a_plans_own_words_are_shown(tmp_path: Path) -> None:
    """
    As they will go out.
    """
    text = (PLANS / "minimal.yaml").read_text().replace("config: ", f"config: {PLANS}/")
    file = write(tmp_path, f"{text}comms: {{templates: words}}\n")
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "hold.j2").write_text("We wait\n{{ plan }} waits.\n")
    result = run("plan", "preview", file, "--event", "hold", "--audience", "engineers")

    assert result.exit_code == 0, result.output
    assert "We wait" in result.output


@pytest.mark.parametrize("words", [["--event", "roll"], ["--event", "hold", "--audience", "everybody"]])
def test_events_and_audiences_have_names(words: list[str]) -> None:
    """
    Which are said.
    """
    result = run("plan", "preview", PLANS / "minimal.yaml", *words)

    assert result.exit_code == 2
    assert "write one of" in result.output


def test_templates_of_its_own_are_tried(tmp_path: Path) -> None:
    """
    Before they are needed: one that can't be used, one that nothing asks for, and a folder without any.
    """
    folder = tmp_path / "words"
    folder.mkdir()
    file = write(tmp_path, LEAST + "comms: {templates: words}\n")

    empty = run("plan", "validate", file)
    (folder / "rollback.j2").write_text("{% if %}")
    (folder / "rolback.j2").write_text("Back.")
    wrong = run("plan", "validate", file)

    assert empty.exit_code == wrong.exit_code == 2
    assert "comms.templates:" in empty.output
    assert "has no templates" in empty.output
    assert "rollback.j2: " in wrong.output
    assert "rolback.j2 is called as no event" in wrong.output
    assert "stages.shadow.gates: is missing" in wrong.output


def test_a_channel_that_apprise_cannot_use_is_refused(tmp_path: Path) -> None:
    """
    Without its URL, which may hold a secret; one that is elsewhere can't be tried.
    """
    comms = 'comms: {channels: {ops: {apprise: "nosuch://hunter2"}, mail: {apprise: "env:MAIL"}}}\n'
    result = run("plan", "validate", write(tmp_path, LEAST + comms))

    assert result.exit_code == 2
    assert "comms.channels.ops.apprise: Apprise can't use this nosuch URL" in result.output
    assert "hunter2" not in result.output
    assert "channels.mail" not in result.output
