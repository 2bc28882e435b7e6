"""Raw ids in, raw ids out; versions and the model card."""

import hashlib
import logging
import os
import pathlib
import time

import numpy as np
import pytest
import tensorflow as tf

import tfrs_timirec  # noqa: F401
from tests.serving.toy_exports import (
    LENGTH,
    NUM_ITEMS,
    make_comirec,
    make_films,
    make_log,
    make_model,
)
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.splits import LeaveOneOut
from tfrs_timirec.models import ComiRec, TiMiRec
from tfrs_timirec.serving import (
    ExportedModel,
    RecommenderModule,
    export,
    find_version,
)
from tfrs_timirec.serving.publishing import draft_version


@pytest.fixture(scope="module")
def log() -> Interactions:
    films = make_films()
    return make_films(title=[f"T, {item}" for item in films.items])


@pytest.fixture(scope="module")
def model(log) -> TiMiRec:
    return make_model(log)


@pytest.fixture(scope="module")
def module(model, log) -> RecommenderModule:
    return RecommenderModule(model, log, LENGTH)


def recommend(module, histories: list, k: int = 3) -> list:
    answer = module.recommend(
        tf.constant(histories, module.reader.id_dtype), tf.constant(k)
    )
    return answer["item_ids"].numpy().tolist()


@pytest.mark.parametrize("trainable", [True, False])
def test_diverged_model_is_not_exported(log, tmp_path, trainable):
    model = make_model(log)
    model.trainable = trainable
    model.item_embeddings[3, 0].assign(np.nan)

    with pytest.raises(ValueError, match="embeddings.*training has diverged"):
        export(model, log, tmp_path)

    assert not list(tmp_path.iterdir())


def test_draft_is_not_named_as_the_export(model, log, tmp_path):
    records = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())
    logger = tf.get_logger()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        export(model, log, tmp_path, max_history_length=LENGTH)
        assert logger.level == logging.INFO
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)

    assert not [text for text in records if "draft" in text]


def test_padding_stands_where_it_likes(module, log):
    first, second = log.items[[3, 1]]

    answers = recommend(
        module,
        [
            [first, second, "", "", "", ""],
            ["", "", "", "", first, second],
            ["", first, "", "", second, ""],
        ],
    )

    assert answers[0] == answers[1] == answers[2]


def test_only_the_newest_items_are_read_but_all_seen_are_left_out(module, log):
    # The model reads four items; the first of five is seen all the same.
    long = log.items[[0, 3, 1, 4, 2]].tolist()
    short = recommend(module, [long[1:]], k=NUM_ITEMS)[0]
    answer = recommend(module, [long], k=NUM_ITEMS)[0]

    oldest = long[0].encode()
    assert oldest in short
    unseen = [raw for raw in short if raw not in (oldest, b"")]
    assert answer == unseen + [b""] * (NUM_ITEMS - len(unseen))


def test_unknown_items_and_empty_histories_have_an_answer(module):
    answers = recommend(module, [["no such film"], [""]])

    assert all(raw != b"" for answer in answers for raw in answer)


def test_k_is_at_most_the_catalogue(module, log):
    answer = recommend(module, [[""]], k=100)[0]

    assert sorted(raw.decode() for raw in answer) == log.items.tolist()


def test_k_beyond_the_longest_list_is_refused(model, log):
    module = RecommenderModule(model, log, LENGTH, max_k=4)

    assert module.recommend([[""]])["item_ids"].shape == (1, 4)
    assert len(recommend(module, [[""]], k=4)[0]) == 4
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="`k` must lie between 0 and 4"
    ):
        recommend(module, [[""]], k=5)


@pytest.mark.parametrize("padding", [0, -1])
def test_integer_ids_are_padded_with_0_or_minus_1(padding):
    log = make_log(list(range(100, 100 + NUM_ITEMS)))
    model = ComiRec(log.vocabulary_size, embedding_dim=8)
    module = RecommenderModule(model, log)

    padded = recommend(module, [[padding, 105]])

    assert padded == recommend(module, [[105]])
    assert set(padded[0]) < set(log.items.tolist()) - {105}


def test_0_is_an_item_where_the_log_has_it():
    log = make_log(list(range(NUM_ITEMS)))
    model = ComiRec(log.vocabulary_size, embedding_dim=8)

    answer = recommend(RecommenderModule(model, log), [[0, -1]], k=NUM_ITEMS)

    assert answer[0].count(0) == 0  # Seen.
    assert answer[0][-1] == -1  # Nothing is left to recommend.


def test_minus_1_and_0_are_recommended_where_they_are_items():
    log = make_log(list(range(-1, NUM_ITEMS - 1)))
    model = ComiRec(log.vocabulary_size, embedding_dim=8)

    answer = recommend(RecommenderModule(model, log), [[5, 6]], k=NUM_ITEMS - 2)

    assert sorted(answer[0]) == [-1, 0, 1, 2, 3, 4, 7, 8, 9, 10]


def test_all_that_a_model_reads_is_read(log):
    model = make_comirec(log, max_history_length=7)

    assert RecommenderModule(model, log).reader.max_history_length == 7
    shorter = RecommenderModule(model, log, 5)
    assert shorter.reader.max_history_length == 5
    with pytest.raises(
        ValueError, match="RecommenderModule.*at most the 7 items.*length=8"
    ):
        RecommenderModule(model, log, 8)


def test_a_foreign_log_is_an_error(model):
    with pytest.raises(ValueError, match="log that `model`"):
        RecommenderModule(model, make_log(["a", "b", "c"]))


@pytest.fixture(scope="module")
def exported(model, log, tmp_path_factory) -> pathlib.Path:
    return export(
        model,
        log,
        tmp_path_factory.mktemp("export") / "films",
        max_history_length=LENGTH,
        metrics={"hit_rate_at_10": 0.25},
        command="timirec train --model timirec",
    )


def test_versions_count_up_and_a_broken_export_leaves_none(
    exported, model, log, monkeypatch
):
    versions = exported.parent
    assert exported.name == "1"

    def fail(*_args, **_kwargs):
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(tf.saved_model, "save", fail)
        with pytest.raises(OSError, match="disk full"):
            export(model, log, versions, max_history_length=LENGTH)
    assert [path.name for path in versions.iterdir()] == ["1"]

    second = export(model, log, versions, max_history_length=LENGTH)
    assert second.name == "2"


def test_drafts_that_a_killed_export_left_are_deleted(tmp_path):
    yesterday = time.time() - 25 * 60 * 60
    for name in (".draft-old", ".draft-new", ".other", "1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
        if name != ".draft-new":
            os.utime(tmp_path / name, (yesterday, yesterday))

    with draft_version(tmp_path):
        pass

    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".draft-new", ".other", "1"]


def test_model_card_says_what_it_is(exported, log):
    card = (exported / "README.md").read_text(encoding="utf-8")

    assert log.fingerprint in card
    assert "| hit_rate_at_10 | 0.2500 |" in card
    assert str(exported.parent) not in card
    assert "`timirec train --model timirec`" in card
    for path in exported.rglob("*"):
        if path.is_file() and path.name != "README.md":
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            assert f"| {path.relative_to(exported)} |" in card
            assert digest in card


def test_warmup_requests_are_answered_by_the_export(exported):
    log_proto = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2"
    ).PredictionLog
    loaded = tf.saved_model.load(str(exported))
    path = exported / "assets.extra" / "tf_serving_warmup_requests"
    asked = set()
    for record in tf.data.TFRecordDataset(str(path)):
        request = log_proto.FromString(record.numpy()).predict_log.request
        name = request.model_spec.signature_name
        inputs = {
            key: tf.constant(tf.make_ndarray(value))
            for key, value in request.inputs.items()
        }
        loaded.signatures[name](**inputs)  # All of them: none has a default.
        asked.add(name)

    assert asked == set(loaded.signatures)


def test_a_version_may_be_named_but_never_replaced(exported, model, log):
    seventh = export(
        model,
        log,
        exported.parent / "7",
        max_history_length=LENGTH,
        storage="int8",
        split=LeaveOneOut(log),
    )

    assert seventh == exported.parent / "7"
    card = (seventh / "README.md").read_text(encoding="utf-8")
    assert "stored as int8. Recall@10" in card
    before = sorted(exported.parent.iterdir())
    with pytest.raises(ValueError, match="`path` must be a new version"):
        export(model, log, seventh, max_history_length=LENGTH)
    with pytest.raises(ValueError, match="a number from 1 on. Received.*/0'"):
        export(model, log, exported.parent / "0", max_history_length=LENGTH)
    assert sorted(exported.parent.iterdir()) == before


def test_newest_version_that_holds_a_model_is_found(tmp_path):
    for number in (2, 10, 11):
        (tmp_path / str(number)).mkdir()
    with pytest.raises(FileNotFoundError, match="`path`.*named 1, 2"):
        find_version(tmp_path)

    for number in (2, 10):
        (tmp_path / str(number) / "saved_model.pb").touch()

    assert find_version(tmp_path) == tmp_path / "10"
    assert find_version(str(tmp_path / "2")) == tmp_path / "2"

    (tmp_path / "0012").mkdir()
    (tmp_path / "0012" / "saved_model.pb").touch()
    assert find_version(tmp_path) == tmp_path / "0012"


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_an_exported_model_recommends_with_titles(exported, log):
    model = ExportedModel(exported)
    history = log.items[[3, 1]].tolist()

    best = model.recommend(history, k=3)

    assert best.columns.tolist() == ["item_id", "title", "score"]
    assert best["title"].tolist() == [f"T, {item}" for item in best["item_id"]]
    probabilities, attention = model.explain(history)
    assert attention["item_id"].tolist() == history
    np.testing.assert_allclose(probabilities.sum(), 1, rtol=1e-5)
    np.testing.assert_allclose(attention["interest 2"].sum(), 1, rtol=1e-5)
    assert model.unknown([*history, "x"]) == ["x"]
    assert len(model.recommend(history, k=100)) == NUM_ITEMS - 2
    diverse = model.recommend(history, k=3, diversity=1e-9)
    assert diverse["item_id"].tolist() == best["item_id"].tolist()
    assert len(model.recommend(history, k=3, diversity=1)) == 3
    with pytest.raises(ValueError, match="`diversity` must be.*1e[+]39"):
        model.recommend(history, diversity=1e39)
    with pytest.raises(ValueError, match="must hold text.*3"):
        model.recommend([3])
    with pytest.raises(ValueError, match="reads besides.*nothing.*weather"):
        model.recommend(history, context={"weather": ["rain"]})
    for k in (1001, -1, 2**40, -(2**40)):
        with pytest.raises(ValueError, match="refuses.*between 0 and 1000"):
            model.recommend(history, k=k)


@pytest.mark.parametrize("text", ["0061073717", b"0061073717"])
def test_one_text_is_no_history(exported, text):
    model = ExportedModel(exported)

    for ask in (model.recommend, model.explain, model.unknown):
        with pytest.raises(ValueError, match="sequence of ids.*0061073717"):
            ask(text)


def test_integers_that_no_id_can_be_are_an_error(tmp_path):
    log = make_log(list(range(100, 100 + NUM_ITEMS)))
    folder = export(make_comirec(log), log, tmp_path, max_history_length=LENGTH)

    with pytest.raises(ValueError, match=f"`history` must.*int64.*{2**63}"):
        ExportedModel(folder).recommend([100, 2**63])


def test_what_is_no_export_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="saved_model.pb"):
        ExportedModel(tmp_path)
    tf.saved_model.save(tf.Module(), str(tmp_path / "1"))
    with pytest.raises(ValueError, match="signatures none"):
        ExportedModel(tmp_path)
