"""
Alert rules that a real Prometheus takes, and that tell what they are meant to tell.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.plan.render.alerts import alerts, rules_file
from proxy.plan.render.book import Book
from proxy.plan.render.making import make_book
from tests.parts.documents import book_of
from tests.parts.plans import a_plan
from tests.parts.required import missing

QUERY = {"source": "promql", "query": "sum(load)"}
# One of each kind, and words that mean something to Prometheus and to YAML.
GUARDS = {
    "same": {"event": "mismatch", "max": 0.01},
    "routed": {"event": "mismatch", "max": 0.01, "routes": ("search",)},
    "errors": {"event": "old_ok & new_error", "max": 0.01, "on_trip": "mirror_off"},
    "load": {"source": "promql", "query": "sum(load) # of all hosts", "condition": "< 0.5"},
    "baseline": {**QUERY, "condition": "<= 1.2 * baseline"},
    "leak": {"source": "trend", "query": "rss{job='new'}", "slope": "5%/h"},
    "depth": {"source": "trend", "query": "depth", "slope": "10/m", "window": "10m"},
    "blind": {"source": "blind", "no_data_for": "90s"},
}


def promtool(*arguments: str) -> str:
    found = shutil.which("promtool")
    if found is None:
        missing("promtool is not installed: run 'apt-get install prometheus'")
    ran = subprocess.run([str(found), *arguments], capture_output=True, text=True, check=False, timeout=30)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def book() -> Book:
    return make_book(a_plan({"weight": 0}, {"weight": 10}, guards=GUARDS), "0" * 64, "plan.yaml")


@pytest.mark.parametrize("name", ["minimal", "demo", "orders-read"])
def test_prometheus_takes_the_rules_of_the_examples(name: str, tmp_path: Path) -> None:
    """
    All of them.
    """
    of_plan = book_of(name)
    (tmp_path / "rules.yml").write_text(rules_file(of_plan))

    assert f"{len(alerts(of_plan.plan))} rules found" in promtool("check", "rules", str(tmp_path / "rules.yml"))


def test_every_guard_has_alerts() -> None:
    """
    Two that go by the guard itself; and one that asks Prometheus, where that can be asked.
    """
    found = alerts(book().plan)
    by_guard = {name: [alert.name for alert in found if alert.guard == name] for name in GUARDS}
    asked = {name for name, names in by_guard.items() if "ParallaxGuardQuery" in names}

    assert all(names[:2] == ["ParallaxGuardTripped", "ParallaxGuardRising"] for names in by_guard.values())
    assert asked == {"same", "load", "leak", "depth", "blind"}


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    """
    By Prometheus's own unit tests: a guard that trips, a condition that doesn't hold, growth, silence.
    """
    (tmp_path / "rules.yml").write_text(rules_file(book()))
    tests = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            _case('parallax_guard_evidence_ratio{plan="orders",guard="errors"}', "0x5 1.2x30", "Tripped", "errors", 10),
            _case("load", "0.2x5 0.7x30", "Query", "load", 20),
            _case("rss{job='new'}", "100+1x200", "Query", "leak", 150),
            _case('parallax_eligible_total{endpoint="a",live="old"}', "5x60", "Query", "blind", 10),
            _quiet("load", "0.2x60", "Query", 50),
        ],
    }
    (tmp_path / "tests.yml").write_text(json.dumps(tests))

    assert "SUCCESS" in promtool("test", "rules", str(tmp_path / "tests.yml"))


def _case(series: str, values: str, alert: str, guard: str, minute: int) -> dict[str, object]:
    by_name = {one["labels"].get("guard"): one for one in _rules() if one["alert"] == f"ParallaxGuard{alert}"}
    rule = by_name[guard]
    labels = {**rule["labels"], **({"plan": "orders"} if alert == "Tripped" else {})}
    labels |= {"job": "new"} if guard == "leak" else {}
    fires = {"exp_labels": labels, "exp_annotations": rule["annotations"]}
    check = {"eval_time": f"{minute}m", "alertname": f"ParallaxGuard{alert}", "exp_alerts": [fires]}
    return {"input_series": [{"series": series, "values": values}], "interval": "1m", "alert_rule_test": [check]}


def _quiet(series: str, values: str, alert: str, minute: int) -> dict[str, object]:
    check = {"eval_time": f"{minute}m", "alertname": f"ParallaxGuard{alert}", "exp_alerts": []}
    return {"input_series": [{"series": series, "values": values}], "interval": "1m", "alert_rule_test": [check]}


def _rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(rules_file(book()))["groups"]
    return list(group["rules"])
