"""Small models, batches, and layers of a user's own."""

import numpy as np
import tensorflow as tf

from tfrs_timirec.layers import ItemEmbedding
from tfrs_timirec.models import (
    MIND,
    ComiRec,
    GRU4Rec,
    SASRec,
    TiMiRec,
    TiSASRec,
    YouTubeDNN,
)

VOCABULARY_SIZE = 12
LENGTH = 4
SIZES = {
    "vocabulary_size": VOCABULARY_SIZE,
    "embedding_dim": 4,
    "max_history_length": LENGTH,
}


class MeanExtractor(tf.keras.layers.Layer):
    """An extractor of a user's own: means of the old and of the new items."""

    def __init__(self):
        super().__init__()
        self.item_embedding = ItemEmbedding(VOCABULARY_SIZE, embedding_dim=4)
        self.training_flags = []

    def call(self, item_ids, training=None):
        self.training_flags.append(bool(training))
        items = self.item_embedding(item_ids)
        halves = tf.split(items, 2, axis=1)
        return tf.stack([tf.reduce_mean(half, 1) for half in halves], axis=1)


class LastItemPredictor(tf.keras.layers.Layer):
    """A predictor of a user's own: a table of logits for the last item."""

    def __init__(self, num_interests=2):
        super().__init__()
        self.table = tf.keras.layers.Embedding(VOCABULARY_SIZE, num_interests)

    def call(self, item_ids):
        return self.table(item_ids[:, -1])


class FixedExtractor(tf.keras.layers.Layer):
    """Gives everyone the same interests over a given item table."""

    def __init__(self, interests, items):
        super().__init__()
        items = np.asarray(items, np.float32)
        self.item_embedding = ItemEmbedding(len(items), items.shape[1])
        self.item_embedding.build(None)
        self.item_embedding.set_weights([items])
        self.interests = self.add_weight(
            "interests", np.shape(interests), initializer="zeros"
        )
        self.interests.assign(interests)

    def call(self, item_ids):
        return tf.tile(self.interests[None], [tf.shape(item_ids)[0], 1, 1])


class LastItemExtractor(FixedExtractor):
    """Gives a user the one vector that belongs to the last item."""

    def call(self, item_ids):
        return tf.gather(self.interests, item_ids[:, -1:])


def make_batch(size=6, num_negatives=2):
    """Returns a batch of training and of evaluation features."""
    rng = np.random.default_rng(0)
    item_ids = rng.integers(2, VOCABULARY_SIZE, (size, LENGTH))
    item_ids[0, :2] = 0
    hours = np.cumsum(rng.integers(0, 4, (size, LENGTH)), axis=1)
    return {
        "item_ids": tf.constant(item_ids, tf.int32),
        "timestamps": tf.constant(
            np.where(item_ids != 0, 3600 * hours + 10**9, 0), tf.int64
        ),
        "target_id": tf.constant(np.arange(size) % 5 + 2, tf.int32),
        "negative_ids": tf.constant(
            rng.integers(7, VOCABULARY_SIZE, (size, num_negatives)), tf.int32
        ),
        "candidate_ids": tf.constant(
            rng.integers(2, VOCABULARY_SIZE, (size, 7)), tf.int32
        ),
    }


def make_model(model_class=TiMiRec, **options):
    """Returns a model with N(0, 0.5) weights, in its first stage."""
    return with_large_weights(
        model_class(**{**SIZES, "num_interests": 3, **options})
    )


def with_large_weights(model):
    """Returns the model with N(0, 0.5) weights."""
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(scale=0.5, size=weight.shape))
    return model


def make_single(model_class, **options):
    """Returns a model of one user vector with N(0, 0.5) weights."""
    sizes = dict(SIZES)
    if model_class in (GRU4Rec, YouTubeDNN):  # Read any length.
        del sizes["max_history_length"]
    return with_large_weights(model_class(**sizes, **options))


def finetuning(model):
    """Returns the model, switched to its second stage."""
    model.set_stage("finetuning")
    return model


def gradients(model, features, training=False):
    """Returns the largest gradient of each variable of the stage, or None."""
    with tf.GradientTape() as tape:
        loss = model.compute_loss(features, training=training)
    values = tape.gradient(loss, model.trainable_variables)
    return {
        variable.name: None
        if value is None
        else np.abs(tf.convert_to_tensor(value).numpy()).max()
        for variable, value in zip(
            model.trainable_variables, values, strict=True
        )
    }


SINGLES = {
    "GRU4Rec": lambda: make_single(GRU4Rec),
    "YouTubeDNN": lambda: make_single(YouTubeDNN),
    "YouTubeDNN-hidden": lambda: make_single(YouTubeDNN, num_hidden_layers=2),
    "SASRec": lambda: make_single(SASRec),
    "SASRec-2": lambda: make_single(SASRec, num_blocks=2),
    "TiSASRec": lambda: make_single(TiSASRec),
    "TiSASRec-2": lambda: make_single(TiSASRec, num_blocks=2),
}
MODELS = {
    "ComiRec": lambda: make_model(ComiRec),
    "pretraining": make_model,
    "finetuning": lambda: finetuning(make_model()),
    **{name: SINGLES[name] for name in SINGLES if "-" not in name},
}
SOFTMAX_MODELS = {
    "ComiRec-softmax": lambda: make_model(ComiRec, loss="sampled_softmax"),
    "MIND-softmax": lambda: make_model(
        MIND, attention_power=1.0, loss="sampled_softmax"
    ),
    "finetuning-softmax": lambda: finetuning(
        make_model(loss="sampled_softmax")
    ),
    "GRU4Rec-softmax": lambda: make_single(GRU4Rec, loss="sampled_softmax"),
}
