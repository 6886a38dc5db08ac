"""What the intake counts, in a registry of its own. No label ever holds the path of a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from connectors.errors import RotationError
from intake.spool import Counts
from intake.status import Status


class Metrics:
    """Counters of one intake."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.answers = Counter(
            "intake_answers",
            "Answers by endpoint and status code",
            ("endpoint", "code"),
            registry=self.registry,
        )
        self.hints = Counter(
            "intake_hints",
            "Hints by source, new ones and repeated ones",
            ("source", "result"),
            registry=self.registry,
        )
        self.ended = Counter(
            "intake_ended", "Hints by how they ended", ("outcome",), registry=self.registry
        )
        self.failures = Counter(
            "intake_failures", "Tries that failed, by kind", ("kind",), registry=self.registry
        )
        self.latency = Histogram(
            "intake_update_start_seconds",
            "Seconds from accepting a hint to the flow run that was seen to exist",
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600),
            registry=self.registry,
        )

    def watch(self, counts: Callable[[], Counts], status: Status, now: Callable[[], float]) -> None:
        """Read the spool and the dispatcher's state whenever somebody scrapes."""
        self.registry.register(_Now(counts, status, now))

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _Now(Collector):
    """Gauges that are read when they are asked for."""

    def __init__(
        self, counts: Callable[[], Counts], status: Status, now: Callable[[], float]
    ) -> None:
        self._counts = counts
        self._status = status
        self._now = now

    def describe(self) -> list[GaugeMetricFamily]:
        """Say nothing beforehand: registering must not read the spool."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; those of a spool that cannot be read are left out."""
        try:
            counts = self._counts()
        except RotationError:
            counts = None
        readable = GaugeMetricFamily("intake_spool_readable", "1 when the spool can be read")
        readable.add_metric([], float(counts is not None))
        yield readable
        if counts:
            spooled = GaugeMetricFamily("intake_spooled", "Hints in the spool", labels=["state"])
            for state in ("waiting", "delivered", "dead"):
                spooled.add_metric([state], getattr(counts, state))
            yield spooled
            oldest = GaugeMetricFamily(
                "intake_oldest_waiting_seconds", "How long the oldest hint waits; 0 when none does"
            )
            oldest.add_metric([], self._now() - counts.oldest if counts.oldest else 0.0)
            yield oldest
        rounds = GaugeMetricFamily(
            "intake_dispatcher_age_seconds", "Seconds since the dispatcher went round; -1 for never"
        )
        last = self._status.last_round
        rounds.add_metric([], -1.0 if last is None else last)
        yield rounds
        fine = GaugeMetricFamily(
            "intake_system_fine", "1 when the last look was fine", labels=["system"]
        )
        for system, seen in self._status.all().items():
            fine.add_metric([system], float(seen.fine))
        yield fine
