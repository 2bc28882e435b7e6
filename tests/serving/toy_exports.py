"""A small log, and models on it whose weights are drawn, not trained."""

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.models import ComiRec, TiMiRec

NUM_ITEMS = 12
LENGTH = 4
NUM_INTERESTS = 2
DIM = 8


def make_log(items: list, **columns: list) -> Interactions:
    """Two users, the first with the first half of the items.

    Further columns become item metadata.
    """
    half = len(items) // 2
    return Interactions.from_dataframe(
        pd.DataFrame(
            {
                "user_id": ["u"] * half + ["v"] * (len(items) - half),
                "item_id": items,
                "timestamp": range(len(items)),
            }
        ),
        item_metadata=pd.DataFrame(columns, index=items) if columns else None,
    )


def make_films(**columns: list) -> Interactions:
    """A log of text ids, not all of them ASCII."""
    return make_log(
        [f"film {number:02d} é" for number in range(NUM_ITEMS)], **columns
    )


def draw_weights(model):
    """Returns the model with N(0, 1) weights, in its last stage."""
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            rng.normal(size=weight.shape)
            if weight.dtype == np.float32
            else weight
            for weight in model.get_weights()
        ]
    )
    model.set_stage(model.stages[-1])
    return model


def make_model(log: Interactions, model_class=TiMiRec, **options):
    """Returns a model of two interests with drawn weights."""
    return draw_weights(
        model_class(
            log.vocabulary_size,
            **{
                "num_interests": NUM_INTERESTS,
                "embedding_dim": DIM,
                "max_history_length": LENGTH,
                **options,
            },
        )
    )


def make_comirec(log: Interactions, **options) -> ComiRec:
    """Returns the greedy model."""
    return make_model(log, ComiRec, **options)


def ask(module, histories, signature="serving_default", **arguments):
    """Asks with lists; raw ids come back as bytes or integers."""
    arguments = {
        name: tf.constant(value, module.reader.id_dtype)
        if name.endswith("_ids")
        else value
        for name, value in arguments.items()
    }
    ids = tf.constant(np.asarray(histories), module.reader.id_dtype)
    answer = module.signatures[signature](ids, **arguments)
    return {name: tensor.numpy() for name, tensor in answer.items()}


def raw(log, *item_ids) -> list:
    """Raw ids of vocabulary ids; of 0 the padding."""
    return ["" if id_ == 0 else log.items[id_ - 2] for id_ in item_ids]


def texts(array) -> list:
    """Raw text ids of an answer."""
    return np.char.decode(array.astype("S"), "utf-8").tolist()
