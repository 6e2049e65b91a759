"""Metrics in Prometheus' words."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120)


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        r = self.registry = CollectorRegistry()
        self.requests = Counter("syntagma_requests", "Requests answered", ["path", "status"], registry=r)
        self.seconds = Histogram(
            "syntagma_request_seconds", "Time to the whole answer", ["path"], buckets=_SECONDS, registry=r
        )
        self.first = Histogram(
            "syntagma_first_text_seconds", "Time to the first piece of text", buckets=_SECONDS, registry=r
        )
        self.tokens = Counter("syntagma_tokens", "Tokens", ["kind"], registry=r)
        self.running = Gauge("syntagma_running", "Generations that run", registry=r)
        self.waiting = Gauge("syntagma_waiting", "Generations that wait", registry=r)
        self.finished = Counter("syntagma_generations", "Generations by how they ended", ["reason"], registry=r)
        self.batch = Histogram(
            "syntagma_batch_rows", "Sequences in a step", buckets=(1, 2, 4, 8, 16, 32, 64, 128), registry=r
        )
        self.step_seconds = Histogram("syntagma_step_seconds", "Time of a step", buckets=_SECONDS, registry=r)
        self.refused = Counter("syntagma_refusals", "Requests that had an error, by its code", ["code"], registry=r)
        self.masked = Counter("syntagma_tokens_masked", "Tokens that constraints masked", registry=r)
        self.checks = Counter("syntagma_guard_checks", "Guards asked", registry=r)

    def step(self, rows: int, seconds: float) -> None:
        """Note a step of the model."""
        self.batch.observe(rows)
        self.step_seconds.observe(seconds)

    def text(self) -> bytes:
        """The exposition that /metrics answers with."""
        return generate_latest(self.registry)
