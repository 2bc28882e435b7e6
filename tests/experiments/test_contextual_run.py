"""A run whose predictor reads attributes: trained, ranked and opened again."""

import pandas as pd
import pytest

from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.experiments import TrainingRun, TrainingSettings

SETTINGS = TrainingSettings(
    model="timirec",
    predictor="deepfm",
    context_features="request_timestamp,item_genres",
    num_interests=2,
    embedding_dim=4,
    max_history_length=3,
    num_evaluation_negatives=5,
    max_epochs=1,
)


def make_log(**metadata):
    rows = [
        (user, (user + step) % 12, step * 4000)
        for user in range(8)
        for step in range(5)
    ]
    return Interactions.from_dataframe(
        pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]),
        **metadata,
    )


def test_trains_and_is_the_same_when_made_anew(tmp_path):
    log = make_log(
        item_metadata=pd.DataFrame(
            {"genres": [["x"], ["y", "z"]] * 6}, index=range(12)
        )
    )
    run = TrainingRun(SETTINGS, log, tmp_path)
    assert [entry["stage"] for entry in run.train()] == [1, 2]
    metrics = run.evaluate()

    again = TrainingRun(SETTINGS, log, tmp_path)

    assert again.is_trained
    assert again.model.feature_names == (
        *("item_ids", "request_timestamp", "item_genres"),
    )
    assert again.evaluate()["test"] == metrics["test"]


def test_a_log_without_the_attribute_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="request_timestamp.*'item_genres'"):
        TrainingRun(SETTINGS, make_log(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_same_folder_rejects_other_values_of_an_attribute(tmp_path):
    def run(genres):
        table = pd.DataFrame({"genres": genres * 6}, index=range(12))
        return TrainingRun(SETTINGS, make_log(item_metadata=table), tmp_path)

    run([["x"], ["y", "z"]])
    run([["x"], ["y", "z"]])
    (tmp_path / "weights").mkdir()  # It has begun.
    with pytest.raises(ValueError, match="differs in item_genres .* changed"):
        run([["x"], ["y", "w"]])
