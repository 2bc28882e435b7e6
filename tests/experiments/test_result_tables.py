"""Tables, made of results alone."""

import dataclasses

import numpy as np
import pytest
import scipy.stats

from tests.experiments.results import fill
from tfrs_timirec.experiments.catalogue import EXPERIMENTS
from tfrs_timirec.experiments.experiment import Plan
from tfrs_timirec.experiments.paper_numbers import MISPRINTS, TABLE_2
from tfrs_timirec.experiments.result_figures import draw_figure
from tfrs_timirec.experiments.result_store import (
    ResultStore,
)
from tfrs_timirec.experiments.result_tables import render_tables


def make_plan(name="table4", systems=None, **options):
    return Plan(
        **{
            "experiment": EXPERIMENTS[name].choose(systems),
            "datasets": ("amazon_beauty",),
            "seeds": (0, 1, 2),
            "preset_name": "paper",
            **options,
        }
    )


def row(text, title, number=0):
    """The cells of the number-th row that a title starts."""
    start = f"| {title}"
    lines = [line for line in text.splitlines() if line.startswith(start)]
    return [cell.strip() for cell in lines[number].split("|")[1:-1]]


def test_systems_of_different_data_are_not_compared(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan(seeds=(0,))
    fill(store, plan, {"TiMiRec": (0.2,)})
    fill(store, plan, {"joint train": (0.1,)}, fingerprint="another")

    with pytest.raises(ValueError, match="same held-out.*in data_fingerprint"):
        render_tables(plan, plan.datasets[0], store)


def test_point_is_of_the_setting_that_it_stands_for(tmp_path):
    store = ResultStore(tmp_path)
    other = make_plan("table2", ["timirec"], given={"num_interests": 2})
    fill(store, other, {"TiMiRec": (0.2, 0.2, 0.2)})

    with pytest.raises(ValueError, match=r"num_interests=4 must.*seed0.json"):
        render_tables(make_plan("figure3"), "amazon_beauty", store)


def test_mean_deviation_and_paper_stand_side_by_side(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan()
    # The paper has 0.2006 for TiMiRec and 0.1787 for joint training.
    fill(
        store,
        plan,
        {"TiMiRec": (0.19, 0.20, 0.21), "joint train": (0.20, 0.21, 0.22)},
    )

    text = render_tables(plan, plan.datasets[0], store)

    # Mean 0.2, standard deviation 0.01: within two of 0.2006.
    assert row(text, "TiMiRec")[:4] == [
        *("TiMiRec", "3", "0.2000 ± 0.0100", "0.2006"),
    ]
    # 0.21 is 3.13 standard deviations above 0.1787, an NDCG of 0.105 is 0.4
    # (of 0.005) above 0.1030.
    assert row(text, "joint train")[2:6] == [
        *("0.2100 ± 0.0100 ▲", "0.1787", "0.1050 ± 0.0050", "0.1030"),
    ]
    # Never run: empty, but for the paper's.
    assert row(text, "w/o stopgrad")[:4] == ["w/o stopgrad", "", "", "0.1971"]
    assert "timirec reproduce\n" in text
    assert "2026-01-02" in text


@pytest.mark.parametrize(
    ("hit_rates", "shown"),
    [((0.1,), "0.1000"), ((0.1, 0.1), "0.1000 ± 0.0000")],
)
def test_one_or_two_seeds_are_not_flagged(tmp_path, hit_rates, shown):
    store, plan = ResultStore(tmp_path), make_plan()
    fill(store, plan, {"TiMiRec": hit_rates})

    text = render_tables(plan, plan.datasets[0], store)

    assert row(text, "TiMiRec")[1:4] == [str(len(hit_rates)), shown, "0.2006"]


def test_misprint_of_the_paper_is_marked_and_not_compared(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan()
    fill(store, plan, {"TiMiRec": (0.3, 0.3, 0.3)})

    text = render_tables(plan, plan.datasets[0], store)

    assert row(text, "TiMiRec")[2:6] == [
        *("0.3000 ± 0.0000 ▲", "0.2006", "0.1500 ± 0.0000", "0.1118†"),
    ]
    assert "† A misprint" in text


@pytest.mark.parametrize("dataset", TABLE_2)
def test_misprints_are_what_the_papers_other_numbers_exclude(dataset):
    found = set()
    for system, numbers in TABLE_2[dataset].items():
        hit_rates, ndcgs = numbers[:3], list(numbers[3:])
        for place, (first, last) in enumerate([(6, 10), (11, 20)], start=1):
            hits = hit_rates[place] - hit_rates[place - 1]
            least, most = (
                ndcgs[place - 1] + hits / np.log2(rank + 1)
                for rank in (last, first)
            )
            # Each of the four numbers is rounded to four digits.
            if not least - 2e-4 <= ndcgs[place] <= most + 2e-4:
                found.add((dataset, system, f"ndcg_at_{last}"))
                ndcgs[place] = (least + most) / 2  # For what lies behind it.

    assert found == {entry for entry in MISPRINTS if entry[0] == dataset}


def test_other_settings_are_said_and_not_flagged(tmp_path):
    store = ResultStore(tmp_path)
    plan = make_plan("table2", ["timirec"], preset_name="validated")
    fill(store, plan, {"TiMiRec": (0.3, 0.3, 0.3)})

    text = render_tables(plan, plan.datasets[0], store)

    assert row(text, "TiMiRec")[4] == "0.3000 ± 0.0000"
    assert (
        "- TiMiRec: loss=sampled_softmax, finetuning_rate_factor=0.1, l2=0.0"
        in text
    )


def test_settings_of_the_paper_are_said_to_be(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan()
    fill(store, plan, {"TiMiRec": (0.2,), "joint train": (0.2,)})

    text = render_tables(plan, plan.datasets[0], store)

    assert "In the paper's setting (`--preset paper`)." in text


def test_other_data_is_not_flagged_but_said(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan()
    size = {"users": 10, "items": 10, "interactions": 100}
    fill(store, plan, {"TiMiRec": (0.1, 0.1, 0.1)}, size=size)

    text = render_tables(plan, plan.datasets[0], store)

    assert row(text, "TiMiRec")[2] == "0.1000 ± 0.0000"
    assert "The paper's Beauty is another log" in text


def test_other_order_of_equal_times_is_not_flagged_but_said(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan()
    fill(store, plan, {"TiMiRec": (0.1, 0.1, 0.1)}, ties="reverse_file_order")

    text = render_tables(plan, plan.datasets[0], store)

    assert row(text, "TiMiRec")[2] == "0.1000 ± 0.0000"
    assert "Equal times are in reverse file order" in text


def test_simulated_data_is_never_the_papers(tmp_path):
    store = ResultStore(tmp_path)
    plan = make_plan("table2", datasets=("household_tv/cmcc",))
    size = {"users": 49_847, "items": 29_074, "interactions": 1_300_351}
    fill(store, plan, {"TiMiRec": (0.1, 0.1, 0.1)}, size=size)

    text = render_tables(plan, plan.datasets[0], store)

    assert row(text, "TiMiRec")[4:6] == ["0.1000 ± 0.0000", "0.5934"]
    assert "The paper's CMCC is another log" in text


def test_simulated_data_is_said_to_be(tmp_path):
    store = ResultStore(tmp_path)
    plan = make_plan(datasets=("household_tv/tiny",))
    fill(store, plan, {"TiMiRec": (0.1,)})

    assert "**Simulated data.**" in render_tables(plan, plan.datasets[0], store)


def test_best_other_system_is_tested_against(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan()
    fill(
        store,
        plan,
        {
            "joint train": (0.10, 0.10, 0.10),
            "w/o stopgrad": (0.18, 0.18, 0.18),
        },
        ranks=[1, 1, 30, 30, 30],
    )
    fill(store, plan, {"TiMiRec": (0.20, 0.21, 0.19)}, ranks=[1, 1, 1, 1, 30])

    cells = row(
        render_tables(plan, plan.datasets[0], store),
        "without transformer",
        number=1,
    )

    # Differences 0.02, 0.03, 0.01: mean 0.02, standard error 0.01/sqrt(3),
    # t = 3.464 with 2 degrees of freedom, p = 0.0742.
    # Users: 0, 0, 1, 1, 0: mean 0.4, standard error 0.5477/sqrt(5) = 0.2449,
    # t = 1.633 with 4 degrees of freedom, p = 0.1778.
    assert cells[1:] == [
        *("H@10", "TiMiRec", "w/o stopgrad", "+0.0200", "3"),
        *("0.0742", "0.1778"),
    ]


def test_p_over_users_is_that_of_the_rows_own_metric(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan()
    ours, theirs = [1, 4, 7, 15, 30, 2], [30, 30, 12, 30, 18, 1]
    fill(store, plan, {"joint train": (0.1, 0.1, 0.1)}, ranks=theirs)
    fill(store, plan, {"TiMiRec": (0.2, 0.2, 0.2)}, ranks=ours)

    text = render_tables(plan, plan.datasets[0], store)

    p_values = {}
    for number in range(6):
        cells = row(text, "without transformer", number)
        p_values[cells[1]] = cells[-1]
    for cutoff in (5, 10, 20):
        for name, gain in (
            ("H", lambda rank: 1.0),
            ("N", lambda rank: 1 / np.log2(rank + 1)),
        ):
            pairs = [
                [gain(rank) if rank <= cutoff else 0.0 for rank in ranks]
                for ranks in (ours, theirs)
            ]
            expected = scipy.stats.ttest_rel(*pairs).pvalue
            assert p_values[f"{name}@{cutoff}"] == f"{expected:.4f}"
    assert len(set(p_values.values())) == 6


def test_users_gains_are_averaged_over_the_seeds(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan()
    for seed, others, ranks in (
        (0, [30, 30, 30], [1, 30, 30]),
        (1, [30, 30, 1], [1, 1, 1]),
    ):
        of_seed = dataclasses.replace(plan, seeds=(seed,))
        fill(store, of_seed, {"joint train": (0.1,)}, ranks=others)
        fill(store, of_seed, {"TiMiRec": (0.2,)}, ranks=ranks)

    text = render_tables(plan, "amazon_beauty", store)

    # Users gain 1, 0.5 and 0: t = 0.5 / (0.5 / sqrt(3)) = 1.732 with 2
    # degrees of freedom.
    cells = row(text, "without transformer", number=1)
    assert cells[-1] == "0.2254"


def test_only_seeds_of_both_are_compared(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan()
    fill(store, plan, {"TiMiRec": (0.2, 0.2, 0.2), "joint train": (0.1,)})

    cells = row(
        render_tables(plan, plan.datasets[0], store),
        "without transformer",
        number=1,
    )

    assert cells[4:] == ["+0.1000", "1", "", "1.0000"]


def test_best_other_system_is_chosen_by_the_common_seeds(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan()
    # Seed 2 alone makes joint training the better of both.
    fill(
        store,
        plan,
        {"joint train": (0.1, 0.1, 0.9), "w/o stopgrad": (0.21, 0.21)},
        ranks=[1, 1, 30, 30],
    )
    fill(store, plan, {"TiMiRec": (0.2, 0.2)}, ranks=[1, 1, 1, 30])

    cells = row(
        render_tables(plan, "amazon_beauty", store), "without transformer", 1
    )

    assert cells[3:6] == ["w/o stopgrad", "-0.0100", "2"]


def test_more_seeds_do_not_hide_a_better_system(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan()
    fill(
        store,
        plan,
        {
            "joint train": (0.1, 0.1, 0.1, 0.1, 0.1),
            "w/o stopgrad": (0.19, 0.19, 0.19),
        },
    )
    fill(store, plan, {"TiMiRec": (0.2, 0.2, 0.2, 0.2, 0.2)})

    cells = row(
        render_tables(plan, "amazon_beauty", store), "without transformer", 1
    )

    assert cells[3:6] == ["w/o stopgrad", "+0.0100", "3"]


def test_no_result_no_figure(tmp_path):
    store = ResultStore(tmp_path)
    for name in ("figure2", "table4"):
        plan = make_plan(name)
        path = tmp_path / name
        assert not draw_figure(plan, "amazon_beauty", store, path)
        assert "Nothing was run yet" in render_tables(
            plan, plan.datasets[0], store
        )


def test_equal_settings_of_two_experiments_are_one_cell():
    # Beauty's preset has K = 4 and T = 0.1.
    table = make_plan("table4").cells("amazon_beauty")["TiMiRec"]
    figure = make_plan("figure3").cells("amazon_beauty")["TiMiRec, K = 4"]
    sweep = make_plan("temperature").cells("amazon_beauty")

    assert table == figure == sweep["TiMiRec, T = 0.1"]
    assert table[0].name == "timirec"
    assert sweep["TiMiRec, T = 5"][0].name == "timirec-temperature=5.0"
    # All temperatures share one pretraining, which is Table 2's ComiRec.
    assert {cells[0].pretraining.name for cells in sweep.values()} == {
        "comirec"
    }


@pytest.mark.parametrize("name", list(EXPERIMENTS))
@pytest.mark.parametrize("dataset", ["amazon_beauty", "household_tv/small"])
def test_every_experiment_can_be_run_and_rendered(name, dataset, tmp_path):
    plan = make_plan(name, datasets=(dataset,))
    titles = list(plan.cells(dataset))

    assert len(titles) == len(plan.experiment.systems)
    store = ResultStore(tmp_path)
    fill(store, plan, dict.fromkeys(titles, (0.2, 0.21)))
    text = render_tables(plan, plan.datasets[0], store)
    for title in titles:
        assert row(text, title)[1] == "2"


def test_each_extractor_is_compared_greedy_and_with_timirec(tmp_path):
    plan = make_plan("model-agnostic")
    cells = plan.cells("amazon_beauty")

    for title, (cell, *_) in cells.items():
        if title.startswith("TiMiRec, "):
            greedy = cells[title.replace("TiMiRec", "greedy")][0]
            assert cell.pretraining == greedy
    assert len(cells) == 8
