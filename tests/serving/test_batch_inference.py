"""The best items of all users: what is written, and how it is gone on with."""

import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.data.small_logs import make_random_log
from tests.serving.test_other_models import NewestItems
from tests.serving.toy_exports import draw_weights, make_model
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.layers import TimeAwareInterestPredictor
from tfrs_timirec.models import ComiRec, TiSASRec
from tfrs_timirec.serving import (
    BatchSettings,
    batch_inference,
    recommend_all,
)

SETTINGS = BatchSettings(
    k=4, max_history_length=5, users_per_part=10, batch_size=3, block_size=7
)


@pytest.fixture(scope="module")
def log():
    return make_random_log()


@pytest.fixture(scope="module")
def model(log):
    tf.keras.utils.set_random_seed(0)
    model = ComiRec(
        log.vocabulary_size,
        num_interests=2,
        embedding_dim=4,
        max_history_length=5,
    )
    model({"item_ids": tf.zeros((1, 5), tf.int32)})
    # Untrained weights are tiny; scores of some size differ clearly.
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def expected_lists(
    model, log: Interactions, k, exclude_seen=True, request_timestamp=0
):
    """Scores every item for every user on its own."""
    lists = []
    for user in range(log.num_users):
        rows = slice(*log.row_splits[user : user + 2])
        seen = log.item_ids[rows]
        history, times = np.zeros((1, 5), np.int32), np.zeros((1, 5), np.int64)
        newest = seen[-5:]
        history[0, 5 - len(newest) :] = newest
        times[0, 5 - len(newest) :] = log.timestamps[rows][-5:]
        features = {
            "item_ids": tf.constant(history),
            "timestamps": tf.constant(times),
            "request_timestamp": tf.constant([request_timestamp], tf.int64),
        }
        vectors = model(features, training=False)
        scores = model.score_all(vectors).numpy()[0]
        scores[:2] = -np.inf
        if exclude_seen:
            scores[seen] = -np.inf
        best = np.argsort(-scores, kind="stable")[:k]
        best = best[scores[best] > -np.inf]
        lists.append((log.items[best - 2].tolist(), scores[best]))
    return lists


def check_lists(folder, expected):
    table = pd.read_parquet(folder)
    for row, (items, scores) in zip(table.itertuples(), expected, strict=True):
        assert row.item_ids.tolist() == items
        np.testing.assert_allclose(row.scores, scores, atol=1e-5)


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_lists_of_all_users(tmp_path, log, model, exclude_seen):
    settings = BatchSettings(
        k=4,
        exclude_seen=exclude_seen,
        max_history_length=5,
        users_per_part=10,
        batch_size=3,
        block_size=7,
    )
    progress = []

    num_users = recommend_all(
        model, log, tmp_path / "best", settings, on_progress=progress.append
    )

    table = pd.read_parquet(tmp_path / "best")
    assert num_users == log.num_users == progress[-1] == 41
    assert table["user_id"].tolist() == log.users.tolist()
    expected = expected_lists(model, log, 4, exclude_seen)
    check_lists(tmp_path / "best", expected)
    # The last user has met 18 of 20 items.
    assert len(table["item_ids"].iloc[-1]) == (2 if exclude_seen else 4)
    lock, *names = sorted(path.name for path in (tmp_path / "best").iterdir())
    assert lock == ".lock"
    assert names[:2] == ["_settings.json", "part-00000-of-00005.parquet"]
    assert len(names) == 6


def make_timed_log():
    """Returns a log with a minute up to some days between interactions."""
    log = make_random_log(num_users=12)
    rng = np.random.default_rng(1)
    gaps = rng.integers(60, 500_000, log.num_interactions)
    return dataclasses.replace(log, timestamps=10**9 + np.cumsum(gaps))


def test_histories_come_with_their_times(tmp_path):
    log = make_timed_log()
    model = draw_weights(
        TiSASRec(
            log.vocabulary_size,
            embedding_dim=4,
            max_history_length=5,
            max_interval=20,
        )
    )

    recommend_all(model, log, tmp_path / "best", SETTINGS)

    check_lists(tmp_path / "best", expected_lists(model, log, 4))


@pytest.mark.parametrize("hours_later", [None, 100])
def test_recommends_for_the_moment_that_is_asked_for(tmp_path, hours_later):
    log = make_timed_log()
    model = make_model(
        log,
        embedding_dim=4,
        max_history_length=5,
        predictor=TimeAwareInterestPredictor(
            log.vocabulary_size, num_interests=2, embedding_dim=4
        ),
    )
    moment = log.timestamps.max()
    settings = SETTINGS
    if hours_later is not None:
        moment += 3600 * hours_later
        settings = dataclasses.replace(SETTINGS, request_timestamp=int(moment))

    recommend_all(model, log, tmp_path / "best", settings)

    check_lists(
        tmp_path / "best",
        expected_lists(model, log, 4, request_timestamp=moment),
    )


def test_goes_on_behind_the_last_whole_file(tmp_path, log, model):
    folder = tmp_path / "best"
    recommend_all(model, log, folder, SETTINGS)
    before = {path.name: path.read_bytes() for path in folder.glob("[!.]*")}
    kept = folder / "part-00001-of-00005.parquet"
    time_before = kept.stat().st_mtime_ns
    # As a process killed while it wrote the third part leaves it.
    missing = folder / "part-00002-of-00005.parquet"
    missing.rename(folder / f".draft-{missing.name}")

    assert recommend_all(model, log, folder, SETTINGS) == 10

    assert {p.name: p.read_bytes() for p in folder.glob("[!.]*")} == before
    assert [path.name for path in folder.glob(".*")] == [".lock"]
    assert kept.stat().st_mtime_ns == time_before
    assert recommend_all(model, log, folder, SETTINGS) == 0


def test_process_killed_within_its_first_file_can_be_repeated(
    tmp_path, log, model
):
    (tmp_path / ".draft-_settings.json").write_text('{"k":')

    assert recommend_all(model, log, tmp_path, SETTINGS) == log.num_users

    assert len(pd.read_parquet(tmp_path)) == log.num_users


def test_call_that_wrote_nothing_binds_no_settings(tmp_path, log, model):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recommend_all(model, log, tmp_path, SETTINGS, on_progress=stop)
    longer = dataclasses.replace(SETTINGS, k=6)

    assert recommend_all(model, log, tmp_path, longer) == log.num_users

    assert pd.read_parquet(tmp_path).item_ids.map(len).max() == 6


def test_all_that_a_model_reads_is_read(tmp_path, log, model):
    settings = dataclasses.replace(SETTINGS, max_history_length=None)
    recommend_all(model, log, tmp_path / "all", settings)

    # The same settings, in other words.
    assert recommend_all(model, log, tmp_path / "all", SETTINGS) == 0
    with pytest.raises(ValueError, match="recommend_all.*at most the 5 items"):
        recommend_all(
            model,
            log,
            tmp_path / "new",
            dataclasses.replace(SETTINGS, max_history_length=6),
        )
    assert not (tmp_path / "new").exists()


def test_one_process_writes_at_a_time(tmp_path, log, model):
    def again(_):
        with pytest.raises(ValueError, match="`output` must be written by one"):
            recommend_all(model, log, tmp_path, SETTINGS)

    recommend_all(model, log, tmp_path, SETTINGS, on_progress=again)

    assert recommend_all(model, log, tmp_path, SETTINGS) == 0


def test_other_settings_or_folder_are_refused(tmp_path, log, model):
    folder = tmp_path / "best"
    recommend_all(model, log, folder, SETTINGS)

    with pytest.raises(ValueError, match=r"differs in k \(4 there, 5 now\)"):
        recommend_all(model, log, folder, dataclasses.replace(SETTINGS, k=5))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(ValueError, match="new or empty"):
        recommend_all(model, log, tmp_path / "other", SETTINGS)
    with pytest.raises(ValueError, match="log that `model` was trained on"):
        recommend_all(
            model, make_random_log(num_items=19), tmp_path / "new", SETTINGS
        )
    with pytest.raises(ValueError, match="`k` must be a positive"):
        BatchSettings(k=0)


class OtherComiRec(ComiRec):
    """Another model with weights of the same shapes."""


def test_lists_of_another_model_are_not_kept(tmp_path, log):
    options = {"embedding_dim": 4, "max_history_length": 5}
    model = make_model(log, **options)
    recommend_all(model, log, tmp_path / "timirec", SETTINGS)
    # Evaluation changes what metrics hold, which answers nobody.
    for metric in model.metrics:
        for weight in metric.weights:
            weight.assign(np.nan)
    assert recommend_all(model, log, tmp_path / "timirec", SETTINGS) == 0
    other_stage = make_model(log, **options)
    other_stage.set_stage("pretraining")
    trained_anew = make_model(log, **options)
    trained_anew.extractor.trainable = False
    trained_anew.item_embeddings[-1, -1].assign(0.5)
    comirec = make_model(log, ComiRec, **options)
    recommend_all(comirec, log, tmp_path / "comirec", SETTINGS)
    other_class = make_model(log, OtherComiRec, **options)

    for folder, other in [
        ("timirec", trained_anew),
        ("timirec", other_stage),
        ("comirec", other_class),
    ]:
        with pytest.raises(ValueError, match="which differs in model"):
            recommend_all(other, log, tmp_path / folder, SETTINGS)


def test_diverged_model_recommends_nothing(tmp_path, log):
    model = make_model(log, embedding_dim=4, max_history_length=5)
    model.item_embeddings[3, 0].assign(np.nan)

    with pytest.raises(ValueError, match="embeddings.*training has diverged"):
        recommend_all(model, log, tmp_path / "best", SETTINGS)

    assert not (tmp_path / "best").exists()


def test_graph_does_not_gather_from_a_variable(log):
    # It would have every other read copy the whole table.
    model = make_model(log, embedding_dim=4, max_history_length=5)
    recommender = batch_inference._BatchRecommender(model, log, SETTINGS)
    users = np.arange(3)

    graph = recommender.best_items.get_concrete_function(
        recommender.features(users), recommender.excluded(users)
    ).graph.as_graph_def()

    ops = {node.op for node in graph.node}.union(
        node.op for part in graph.library.function for node in part.node_def
    )
    assert "ReadVariableOp" in ops
    assert "ResourceGather" not in ops


class LooksUpItself(NewestItems):
    def call(self, features, training=None):
        return tf.nn.embedding_lookup(
            self.item_embeddings, features["item_ids"][:, -1:]
        )


def test_model_may_read_its_table_in_another_way(tmp_path, log):
    model = LooksUpItself(log.vocabulary_size)

    recommend_all(model, log, tmp_path / "best", SETTINGS)

    check_lists(tmp_path / "best", expected_lists(model, log, 4))


_SLOW_RUN = """
import sys, time
import tensorflow as tf
from tests.data.small_logs import make_random_log
from tfrs_timirec.models import ComiRec
from tfrs_timirec.serving import BatchSettings, recommend_all

tf.keras.utils.set_random_seed(0)
log = make_random_log()
model = ComiRec(log.vocabulary_size, num_interests=2, max_history_length=5)
model({"item_ids": tf.zeros((1, 5), tf.int32)})
settings = BatchSettings(
    k=4, max_history_length=5, users_per_part=10, batch_size=3)
seconds = float(sys.argv[2])
recommend_all(
    model, log, sys.argv[1], settings,
    on_progress=lambda done: time.sleep(seconds))
"""


def test_killed_process_leaves_whole_files(tmp_path):
    root = pathlib.Path(__file__).parents[2]
    folder = tmp_path / "best"

    def start(seconds):
        return subprocess.Popen(
            [sys.executable, "-c", _SLOW_RUN, str(folder), str(seconds)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )

    process = start(0.3)
    try:
        deadline = time.monotonic() + 300
        while not (folder / "part-00001-of-00005.parquet").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = sorted(folder.glob("part-*"))
    assert 2 <= len(done) < 5
    times = [path.stat().st_mtime_ns for path in done]

    assert start(0).wait(timeout=300) == 0

    assert [path.stat().st_mtime_ns for path in done] == times
    table = pd.read_parquet(folder)
    assert table["user_id"].tolist() == make_random_log().users.tolist()
