"""A log that repeats itself once a minute only."""

import logging

from tfrs_timirec.serving.server.rare_log import RareLog


def test_what_follows_within_the_pause_is_counted(caplog, monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    rare_log = RareLog(logging.getLogger("rare"), pause_seconds=60)

    for now in (0.0, 1.0, 59.0, 60.0, 61.0, 200.0, 300.0):  # noqa: B007
        rare_log.warn("full")

    assert caplog.messages == [
        "full",
        "full (and 2 more since the last line)",
        "full (and 1 more since the last line)",
        "full",
    ]
