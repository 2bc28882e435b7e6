"""Recommendations for all users by Apache Beam are those of one process."""

import dataclasses
import pathlib
import shutil

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.cli.test_main import failure
from tests.data.preparation_logs import make_frame
from tests.serving.test_other_models import NewestItems
from tfrs_timirec.cli.main import main
from tfrs_timirec.data import Interactions
from tfrs_timirec.data.loading import quiet_tfds
from tfrs_timirec.models import ComiRec
from tfrs_timirec.serving import BatchSettings, export, recommend_all

pytest.importorskip("apache_beam", reason="needs the extra [beam]")

from tfrs_timirec.data.preparation import prepare_sequences
from tfrs_timirec.serving import beam_inference
from tfrs_timirec.serving.beam_inference import recommend_all_with_beam

LENGTH = 5


def make_model(log: Interactions) -> ComiRec:
    model = ComiRec(
        log.vocabulary_size,
        num_interests=2,
        embedding_dim=4,
        max_history_length=LENGTH,
    )
    model({"item_ids": tf.zeros((1, LENGTH), tf.int32)})
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("ids", ["text", "integers", "integers from -1 on"])
def test_equals_one_process(tmp_path, ids, capsys):
    frame = make_frame(300)
    if ids != "text":
        for name in ("user_id", "item_id"):
            frame[name] = frame[name].str[1:].astype(int)
    if ids == "integers from -1 on":
        frame["item_id"] -= 2  # Nothing can pad where -1 and 0 are items.
        assert {-1, 0} <= set(frame["item_id"])
    frame.to_parquet(tmp_path / "log.parquet")
    prepare_sequences([str(tmp_path / "*.parquet")], tmp_path / "prepared")
    log = Interactions.from_dataframe(frame)
    model = make_model(log)
    version = export(model, log, tmp_path / "model", max_history_length=LENGTH)
    settings = BatchSettings(k=25, max_history_length=LENGTH)
    recommend_all(model, log, tmp_path / "expected", settings)
    words = ["recommend-all", str(version), "--k=25", "--histories"]
    words += [str(tmp_path / "prepared"), "--output", str(tmp_path / "best")]

    assert main(words) == 0

    assert f"{log.num_users} users" in capsys.readouterr().out
    expected = pd.read_parquet(tmp_path / "expected")
    found = pd.read_parquet(tmp_path / "best").sort_values("user_id")
    assert found["user_id"].tolist() == expected["user_id"].tolist()
    # 30 items, some users have met more than 5 of them: shorter lists.
    assert expected["item_ids"].map(len).min() < 25
    for row, wanted in zip(
        found.itertuples(), expected.itertuples(), strict=True
    ):
        assert row.item_ids.tolist() == wanted.item_ids.tolist()
        np.testing.assert_allclose(row.scores, wanted.scores, atol=1e-5)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """(folder, log) with ids of text."""
    folder = tmp_path_factory.mktemp("prepared")
    frame = make_frame(50)
    frame.to_csv(folder / "log.csv", index=False)
    prepare_sequences([str(folder / "log.csv")], folder / "prepared")
    return folder / "prepared", Interactions.from_dataframe(frame)


@pytest.fixture(scope="module")
def version(prepared, tmp_path_factory):
    """The export of a model of these items, in a folder of versions."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "7").mkdir()  # Of an export that broke off.
    log = prepared[1]
    return export(make_model(log), log, folder / "2", max_history_length=LENGTH)


@pytest.fixture
def no_pipeline(monkeypatch):
    """What is wrong is said before a pipeline is there."""
    monkeypatch.setattr(beam_inference.beam, "Pipeline", None)


@pytest.mark.parametrize("k", [3000, 2**40])
@pytest.mark.usefixtures("no_pipeline")
def test_longer_list_than_the_export_allows(
    version, prepared, tmp_path, capsys, k
):
    words = ["recommend-all", version, "--k", k, "--histories", prepared[0]]

    error = failure(capsys, *words, "--output", tmp_path / "best")

    assert "The model refuses the request" in error
    assert "request: `k` must lie between 0 and 1000. Received: " in error
    assert not list(tmp_path.iterdir())


def test_newest_version_that_holds_a_model_answers(
    version, prepared, tmp_path, monkeypatch
):
    folder, log = prepared
    loaded, load = [], beam_inference.load_saved_model
    monkeypatch.setattr(
        beam_inference,
        "load_saved_model",
        lambda place: loaded.append(place) or load(place),
    )
    for name, source in {"one": version, "all": version.parent}.items():
        found = recommend_all_with_beam(source, folder, tmp_path / name)
        assert found == log.num_users

    assert loaded == [str(version)] * 2  # Once a call in this process.
    one, every = (
        pd.read_parquet(tmp_path / name).sort_values("user_id")
        for name in ("one", "all")
    )
    assert [*every["user_id"]] == [*one["user_id"]]
    assert [[*ids] for ids in every["item_ids"]] == [
        [*ids] for ids in one["item_ids"]
    ]


def test_nothing_is_left_of_a_pipeline_that_fails(
    version, prepared, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        beam_inference._Recommender, "check", lambda *_, **__: None
    )

    with pytest.raises(Exception, match="The model refuses the request"):
        recommend_all_with_beam(version, prepared[0], tmp_path / "o", k=3000)

    assert not list(tmp_path.iterdir())


def test_two_runs_with_one_output_keep_apart(
    version, prepared, tmp_path, monkeypatch
):
    folder, log = prepared
    output = tmp_path / "best"
    drafts, write = [], beam_inference.beam.io.WriteToParquet

    def write_after_another_run(prefix, *arguments, **options):
        draft = pathlib.Path(prefix).parent
        drafts.append(draft)
        if len(drafts) == 1:
            draft.mkdir()
            recommend_all_with_beam(version, folder, output)
            assert draft.exists()
        return write(prefix, *arguments, **options)

    monkeypatch.setattr(
        beam_inference.beam.io, "WriteToParquet", write_after_another_run
    )

    with pytest.raises(OSError, match="exists"):  # The other was first.
        recommend_all_with_beam(version, folder, output)

    assert drafts[0] != drafts[1]
    assert list(tmp_path.iterdir()) == [output]
    assert len(pd.read_parquet(output)) == log.num_users


@pytest.mark.usefixtures("no_pipeline")
def test_models_of_other_inputs(prepared, tmp_path):
    folder, log = prepared
    numbers = dataclasses.replace(log, items=np.arange(log.num_items))
    timed = NewestItems(
        log.vocabulary_size, ("item_ids", "timestamps", "request_timestamp")
    )
    options = {"max_history_length": LENGTH}
    integers = export(make_model(log), numbers, tmp_path / "1", **options)
    times = export(timed, log, tmp_path / "2", **options)
    tf.saved_model.save(tf.Module(), str(tmp_path / "3"))

    for source, words in {
        integers: "ids of the model's type, int64. Received: text",
        times: "Received: one that reads .*'timestamps'",
        tmp_path / "3": "`model_dir` must be a model.*signatures none",
    }.items():
        with pytest.raises(ValueError, match=words):
            recommend_all_with_beam(source, folder, tmp_path / "best")


@pytest.mark.usefixtures("no_pipeline")
def test_places_that_do_not_fit(version, prepared, tmp_path):
    folder, _ = prepared
    best = tmp_path / "best"

    with pytest.raises(FileNotFoundError, match="`histories`.*features.json"):
        recommend_all_with_beam(version, tmp_path, best)
    with pytest.raises(FileNotFoundError, match="`model_dir`.*saved_model.pb"):
        recommend_all_with_beam(folder, folder, best)
    with pytest.raises(FileExistsError, match="`output`"):
        recommend_all_with_beam(version, folder, folder)
    with pytest.raises(ValueError, match="`output` must be a path without"):
        recommend_all_with_beam(version, folder, tmp_path / "o[1]")


@pytest.mark.usefixtures("no_pipeline")
def test_other_data_sets_are_no_histories(version, prepared, tmp_path):
    def write(name, split, **features):
        text = tfds.features.Text()
        example = {"user_id": "u", "item_ids": ["a"], **features}
        builder = tfds.dataset_builders.AdhocBuilder(
            name=name,
            version="1.0.0",
            features=tfds.features.FeaturesDict(
                dict.fromkeys(example, text)
                | {"item_ids": tfds.features.Sequence(text)}
            ),
            split_datasets={split: [(0, example)]},
            data_dir=tmp_path,
        )
        with quiet_tfds():
            builder.download_and_prepare()
        return builder.data_path

    binary = shutil.copytree(prepared[0], tmp_path / "binary")
    info = binary / "dataset_info.json"
    info.write_text(info.read_text().replace("tfrecord", "parquet"))

    for folder, words in {
        write("no_items", "users"): "without the feature item_id. `timirec",
        write("no_users", "train", item_id="a"): "without the split users.",
        binary: "with file_format='parquet'.",
    }.items():
        with pytest.raises(
            ValueError, match=rf"`histories` must have the features.*{words}"
        ):
            recommend_all_with_beam(version, folder, tmp_path / "best")


@pytest.mark.parametrize(
    ("has_padding", "expected"),
    [
        (True, [[9] + [10] * 199, [70_000] * 3, [70_000, 100_000]]),
        (False, [[9], [10] * 199, [70_000] * 3, [70_000], [100_000]]),
    ],
)
def test_long_histories_are_not_what_all_are_padded_to(has_padding, expected):
    lengths = [10] * 100 + [100_000] + [10] * 99 + [70_000] * 4 + [9]
    users = [{"item_ids": [b"a"] * length} for length in lengths]

    batches = [
        [len(user["item_ids"]) for user in batch]
        for batch in beam_inference._batches(users, has_padding)
    ]

    assert batches == expected


def test_model_in_a_clouds_storage_keeps_its_place(
    prepared, tmp_path, monkeypatch
):
    loaded = []

    def load(place):
        loaded.append(place)
        raise ValueError("no model")

    monkeypatch.setattr(beam_inference, "load_saved_model", load)
    monkeypatch.setattr(
        beam_inference, "newest_version", lambda folder: folder / "4"
    )

    with pytest.raises(ValueError, match="no model"):
        recommend_all_with_beam(
            "gs://bucket/model", prepared[0], tmp_path / "best"
        )
    assert loaded == ["gs://bucket/model/4"]
