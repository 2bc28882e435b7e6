"""Results as `timirec reproduce` leaves them, made by hand."""

import dataclasses

import numpy as np

from tfrs_timirec.experiments.experiment import Plan
from tfrs_timirec.experiments.result_store import encode_ranks

BEAUTY = {"users": 22_363, "items": 12_101, "interactions": 198_502}
CUTOFFS = (5, 10, 20)


def make_result(
    cell,
    hit_rate,
    *,
    size=BEAUTY,
    ranks=(1.0, 30.0),
    fingerprint="",
    ties="file_order",
):
    """A result whose HR@10 is given; the other numbers follow from it."""
    sampled, full = (
        {
            f"{name}_at_{cutoff}": hit_rate * share * factor * cutoff / 10
            for name, factor in (("hit_rate", 1.0), ("ndcg", 0.5))
            for cutoff in CUTOFFS
        }
        for share in (1.0, 0.25)
    )
    return {
        "cell": cell.name,
        "seed": cell.settings.seed,
        "test": {"sampled": sampled, "full": full},
        "settings": dataclasses.asdict(cell.settings),
        "command": "timirec reproduce",
        "finished_at": "2026-01-02T03:04:05+00:00",
        "libraries": {"numpy": "2.0.0"},
        "data_size": size,
        "data_fingerprint": fingerprint,
        "ties": ties,
        "interests": {
            "temperature": 1.0,
            "js_predicted": 0.004,
            "js_recommended": 0.02,
            "js_recommended_shares": [0.2, 0.3, 0.1, 0.1, 0.3],
            "interest_distance": 3.5,
        },
        "test_ranks": encode_ranks(np.array(ranks)),
    }


def fill(store, plan: Plan, hit_rates, **options):
    """Writes one result a seed for each system that has hit rates."""
    for dataset in plan.datasets:
        for title, cells in plan.cells(dataset).items():
            for cell, hit_rate in zip(
                cells, hit_rates.get(title, ()), strict=False
            ):
                store.write(cell, make_result(cell, hit_rate, **options))
