"""Write the accounts as Prometheus text, for the textfile collector of a node exporter.

All metrics are gauges: sums over a window of time go down again as sessions leave it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chtc_jupyter.admin.account import Account
from chtc_jupyter.errors import UsageError

_COUNTS: tuple[tuple[str, str, str, Callable[[Account], Mapping[str, int]]], ...] = (
    ("sessions", "state", "Sessions in the queue now, by state.", lambda account: account.states),
    ("ends", "end", "Starts of sessions that ended, by how they ended.", lambda account: account.ends),
)
_SUMS: tuple[tuple[str, str, Callable[[Account], float]], ...] = (
    ("gpus", "GPUs that sessions have now.", lambda account: account.gpus),
    ("slot_seconds", "Seconds for which sessions had their slots.", lambda account: account.seconds),
    (
        "gpu_seconds",
        "Seconds for which sessions had GPUs, times the number of GPUs.",
        lambda account: account.gpu_seconds,
    ),
    ("idle_seconds", "Seconds of slot_seconds in which the session was idle.", lambda a: a.idle_seconds),
    ("saved_seconds", "Seconds that idle stops saved, up to each session's limit.", lambda a: a.saved_seconds),
)


class Accounts(Collector):
    """Yields the metrics at epoch second `now`, of sessions in the queue or ended within `window` seconds."""

    def __init__(self, users: Mapping[str, Account], *, now: float, window: float) -> None:
        self._users = users
        self._now = now
        self._window = window

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, with a sample for each user."""
        for name, label, about, counts in _COUNTS:
            counted = GaugeMetricFamily(f"chtc_jupyter_{name}", about, labels=["user", label])
            for user, account in self._users.items():
                for kind, number in counts(account).items():
                    counted.add_metric([user, kind], number)
            yield counted
        for name, about, sum_of in _SUMS:
            summed = GaugeMetricFamily(f"chtc_jupyter_{name}", about, labels=["user"])
            for user, account in self._users.items():
                summed.add_metric([user], sum_of(account))
            yield summed
        for name, about, value in (
            ("window_seconds", "How far back ended sessions are included.", self._window),
            ("read_timestamp_seconds", "When the job ads were read.", self._now),
        ):
            yield GaugeMetricFamily(f"chtc_jupyter_{name}", about, value)


def write_metrics(path: Path, accounts: Accounts) -> None:
    """Write the text, all of it or nothing. Raises UsageError if the file can't be written."""
    registry = CollectorRegistry()
    registry.register(accounts)
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise UsageError(f"{str(path)!r} can't be written: {error.strerror}.") from None
