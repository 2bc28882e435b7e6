"""What the server tells Prometheus."""

from __future__ import annotations

import prometheus_client as prometheus

_LATENCY_BUCKETS = (
    *(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

CONTENT_TYPE = prometheus.CONTENT_TYPE_LATEST


class Metrics:
    """The metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=self.registry)
        self.requests = prometheus.Counter(
            "timirec_requests",
            "Requests by interface (grpc, rest), method and status code.",
            ["interface", "method", "code"],
            registry=self.registry,
        )
        self.latency = prometheus.Histogram(
            "timirec_request_seconds",
            "Seconds from the arrival of a request to its answer.",
            ["interface", "method"],
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.batch_rows = prometheus.Histogram(
            "timirec_batch_rows",
            "Rows of the batches that were run.",
            buckets=_BATCH_BUCKETS,
            registry=self.registry,
        )
        self.queued = prometheus.Gauge(
            "timirec_queued_requests",
            "Requests that wait for a thread.",
            registry=self.registry,
        )
        self.served_version = prometheus.Gauge(
            "timirec_served_version",
            "The version that answers; 0 before one is loaded.",
            ["model"],
            registry=self.registry,
        )
        self.loads = prometheus.Counter(
            "timirec_model_loads",
            "Attempts to load a version, by result (ok, error).",
            ["result"],
            registry=self.registry,
        )

    def page(self) -> bytes:
        """Returns all values in Prometheus's text format."""
        return prometheus.generate_latest(self.registry)
