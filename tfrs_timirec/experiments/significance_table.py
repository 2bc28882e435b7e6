"""Paired t-tests of an experiment's results, as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfrs_timirec.evaluation.significance import paired_t_test
from tfrs_timirec.evaluation.summary import gains
from tfrs_timirec.experiments.experiment import Experiment
from tfrs_timirec.experiments.paper_numbers import METRICS
from tfrs_timirec.experiments.result_columns import (
    markdown_table,
    metric_columns,
)
from tfrs_timirec.experiments.result_store import Results, decode_ranks

_ENOUGH_SEEDS = 3  # To say whether a system is better than another.


def render_significance(experiment: Experiment, results: Results) -> list[str]:
    """Compares the tested system of each group with the best other one.

    Args:
        experiment: the experiment.
        results: its results on one data set.

    Returns:
        Heading, table and legend; nothing if no system can be compared.
    """
    groups: dict[str, list[str]] = {}
    for system in experiment.systems:
        groups.setdefault(system.group, []).append(system.title)
    rows = []
    for group, titles in groups.items():
        tested = next(
            (
                title
                for title in titles
                if title.startswith(experiment.tested or "")
            ),
            None,
        )
        if tested is None or not results[tested]:
            continue
        for heading in METRICS:
            row = _compare(heading, tested, titles, results)
            if row:
                rows.append([group, *row])
    if not rows:
        return []
    return [
        "## Paired t-test against the best other system of the set",
        markdown_table(
            [
                *("set", "metric", "system", "best other", "difference"),
                *("seeds", "p over seeds", "p over users"),
            ],
            rows,
        ),
        "The best other system is the one that is least behind, or furthest"
        f" ahead, over the common seeds, of those with {_ENOUGH_SEEDS} or more,"
        " or with the most where none has as many. p over seeds: one pair a"
        " seed, the"
        " metric of both systems. p over users: one pair a user, the user's"
        " gain in the metric, averaged over the common seeds. Two-sided;"
        " sampled negatives.",
    ]


def _compare(
    heading: str, tested: str, titles: Sequence[str], results: Results
) -> list[str] | None:
    metric = METRICS[heading]
    (column,) = metric_columns("sampled", heading)
    common = {
        title: sorted(set(results[title]) & set(results[tested]))
        for title in titles
        if title != tested
    }
    # One lucky seed must not decide who is the best.
    most = max((len(seeds) for seeds in common.values()), default=0)
    if not most:
        return None
    pairs_of = {
        title: [
            column.values({seed: results[one][seed] for seed in seeds})
            for one in (tested, title)
        ]
        for title, seeds in common.items()
        if len(seeds) >= min(most, _ENOUGH_SEEDS)
    }
    leads = {
        title: np.mean(own) - np.mean(other)
        for title, (own, other) in pairs_of.items()
    }
    best = min(leads, key=lambda title: leads[title])
    seeds, pairs = common[best], pairs_of[best]
    by_user = [
        np.mean(
            [
                gains(decode_ranks(results[title][seed]["test_ranks"]), metric)
                for seed in seeds
            ],
            axis=0,
        )
        for title in (tested, best)
    ]
    return [
        heading,
        tested,
        best,
        f"{leads[best]:+.4f}",
        str(len(seeds)),
        _show_p(paired_t_test(*pairs)),
        _show_p(paired_t_test(*by_user)),
    ]


def _show_p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"
