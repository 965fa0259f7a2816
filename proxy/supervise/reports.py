"""
What workers report, logged by the supervisor itself while control isn't there to do it.
"""

from typing import Any

from proxy.clock import monotonic
from proxy.log import Allowance, Log

PER_SECOND = 10.0
AT_ONCE = 50

# Fields that the log itself fills.
OURS = frozenset({"event", "level", "timestamp", "process"})


class ReportLog:
    """
    One line a report, and no storm: what is left out is counted in the next line.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._allowance = Allowance(PER_SECOND, AT_ONCE)

    def tell(self, worker: str, report: dict[str, Any]) -> None:
        """
        Log what this worker reports.
        """
        refused = self._allowance.take(monotonic())
        if refused is None:
            return
        fields = {name: value for name, value in report.items() if name not in OURS}
        if refused:
            fields["suppressed"] = refused
        tell = self._log.warning if report.get("level") == "warning" else self._log.error
        if report.get("level") == "info":
            tell = self._log.info
        tell(str(report.get("event", "report")), **{**fields, "worker": worker})
