"""A trained run beside the truth, and the case that tells most of it."""

import pytest

from tfrs_timirec.evaluation.planted_truth import PlantedTruth
from tfrs_timirec.experiments import DataSource, TrainingRun, TrainingSettings
from tfrs_timirec.experiments.case_choice import study_telling_case
from tfrs_timirec.experiments.truth_comparison import compare_with_truth


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    source = DataSource(dataset="household_tv/tiny")
    run = TrainingRun(
        TrainingSettings(
            model="timirec",
            num_interests=2,
            embedding_dim=8,
            max_history_length=6,
            learning_rate=0.02,
            num_projection_layers=1,
            num_evaluation_negatives=50,
            max_epochs=3,
        ),
        source.load(),
        tmp_path_factory.mktemp("run"),
        source=source,
    )
    run.train()
    return run


def test_each_way_of_scoring_is_that_of_its_stage(run):
    metrics = run.evaluate()
    truth = PlantedTruth.from_interactions(run.interactions)

    comparison = compare_with_truth(run, truth)

    greedy = metrics["stage_1"]["test"]["sampled"]
    timirec = metrics["test"]["sampled"]
    assert greedy != timirec
    assert comparison.greedy.metrics == pytest.approx(greedy)
    assert comparison.timirec.metrics == pytest.approx(timirec)


def test_case_meets_what_makes_it_telling(run):
    case = study_telling_case(run)

    assert len(case.history) >= 5
    assert case.target in case.timirec
    assert case.predicted.argmax() == case.target_interest
    assert case.greedy_interests[0] != case.target_interest
