"""
What is looked at while a plan runs: queries that show old beside new, and what the plan's own metrics tell.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Panel:
    """
    A row of the catalogue: a query, or a metric, and what it shows.
    """

    what: str
    query: str


PANELS: Final = (
    Panel("requests a second, by side", 'sum by (side) (rate(parallax_requests_total{role="live"}[5m]))'),
    Panel("answers of 500 and above, by side", 'sum by (side) (rate(parallax_requests_total{code=~"5.."}[5m]))'),
    Panel("one side gave no answer, the other did", "sum by (side) (rate(parallax_failed_total[5m]))"),
    Panel(
        "latency at the median, by side",
        "histogram_quantile(0.5, sum by (le, side) (rate(parallax_request_seconds_bucket[5m])))",
    ),
    Panel(
        "latency at the 95th percentile, by side",
        "histogram_quantile(0.95, sum by (le, side) (rate(parallax_request_seconds_bucket[5m])))",
    ),
    Panel(
        "latency at the 99th percentile, by side",
        "histogram_quantile(0.99, sum by (le, side) (rate(parallax_request_seconds_bucket[5m])))",
    ),
    Panel(
        "new slower than old, in pairs, at the 99th percentile",
        "histogram_quantile(0.99, sum by (le) (rate(parallax_latency_difference_seconds_bucket[5m])))",
    ),
    Panel("verdicts", "sum by (verdict) (rate(parallax_comparisons_total[5m]))"),
    Panel(
        "share that differs, by endpoint",
        'sum by (endpoint) (rate(parallax_comparisons_total{verdict="divergent"}[5m])) '
        "/ sum by (endpoint) (rate(parallax_comparisons_total[5m]))",
    ),
    Panel(
        "share of what could be compared that was",
        "sum(rate(parallax_comparisons_total[5m])) / sum(rate(parallax_eligible_total[5m]))",
    ),
    Panel("why the rest was not", "sum by (reason) (rate(parallax_skipped_total[5m]))"),
    Panel("errors made by Parallax itself", "sum by (where, cause) (rate(parallax_errors_total[5m]))"),
    Panel("new's share", 'parallax_weight_percent{side="new"}'),
    Panel("workers that lag", "max(parallax_epoch) - min(parallax_epoch)"),
)
OF_PLANS: Final = (
    Panel("the number of the present stage, from 1", "parallax_plan_stage{plan,stage}"),
    Panel("1 for what the plan is doing: observing, held …", "parallax_plan_state{plan,state}"),
    Panel("1 for what a gate says: pass, fail, inconclusive, error", "parallax_gate{plan,stage,gate,outcome}"),
    Panel("how near a gate is to its decision; 1 decides", "parallax_gate_evidence_ratio"),
    Panel("opportunities that a gate needs yet, about", "parallax_gate_needed_pairs"),
    Panel("how near a guard is to tripping; 1 trips", "parallax_guard_evidence_ratio{plan,guard}"),
)
