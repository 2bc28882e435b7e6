"""What the checks of `test_every_layer` must know of each layer."""

import numpy as np

from tests.layers.harness import (
    DIM,
    NUM_INTERESTS,
    VOCABULARY_SIZE,
    LayerCase,
    as_context,
    as_ids,
    as_mask,
    as_moments,
    as_vectors,
)
from tfrs_timirec import layers

ATTENTION_DIM = 5
MAX_LENGTH = 7
FEED_FORWARD_DIM = 6
UNITS = 4

ITEM_TABLE = (VOCABULARY_SIZE, DIM)
ATTENTION_WEIGHTS = ((DIM, ATTENTION_DIM), (ATTENTION_DIM, NUM_INTERESTS))
TIME_TABLES = ((24, DIM), (33, DIM))  # Hours; gaps by their logarithm.
POSITION_TABLE = (MAX_LENGTH + 1, DIM)  # One more for padding.


def transformer_weights(feed_forward_dim):
    return (
        *((DIM, 3 * DIM), (3 * DIM,)),  # Query, key and value.
        *((DIM, feed_forward_dim), (feed_forward_dim,)),
        *((feed_forward_dim, DIM), (DIM,)),
        *((DIM,), (DIM,), (DIM,), (DIM,)),  # Gamma and beta, twice.
    )


def gru_weights(units):
    return (
        *((DIM, 3 * units), (units, 3 * units)),
        *((3 * units,), (3 * units,)),
    )


def with_pairs(vectors):
    """Adds to items what they see of each other: here their difference."""

    def inputs(item_ids, filler):
        features = vectors(item_ids, filler)
        items = features["item_vectors"]
        differences = items[:, :, np.newaxis] - items[:, np.newaxis]
        return {
            **features,
            "pair_keys": differences,
            "pair_values": 0.5 * differences,
        }

    return inputs


def as_unmasked_vectors(ids, filler):
    """Returns the vectors alone, for a layer that takes no mask."""
    return {"inputs": as_vectors("inputs")(ids, filler)["inputs"]}


def extractor_case(**options):
    return LayerCase(
        make=lambda: layers.SelfAttentiveExtractor(
            vocabulary_size=VOCABULARY_SIZE,
            num_interests=NUM_INTERESTS,
            embedding_dim=DIM,
            attention_dim=ATTENTION_DIM,
            max_history_length=MAX_LENGTH,
            **options,
        ),
        inputs=as_ids,
        output_shape=(4, NUM_INTERESTS, DIM),
        weight_shapes=(
            *(ITEM_TABLE, POSITION_TABLE, *ATTENTION_WEIGHTS),
            *(transformer_weights(DIM) if options.get("transformer") else ()),
        ),
        is_zero_when_empty=True,
    )


def capsule_case(extractor_class, *vote_shape, **options):
    return LayerCase(
        make=lambda: extractor_class(
            vocabulary_size=VOCABULARY_SIZE,
            num_interests=NUM_INTERESTS,
            embedding_dim=DIM,
            max_history_length=MAX_LENGTH,
            **options,
        ),
        inputs=as_ids,
        output_shape=(4, NUM_INTERESTS, DIM),
        weight_shapes=(ITEM_TABLE, vote_shape),
        is_zero_when_empty=True,
    )


def predictor_case(num_projection_layers):
    hidden = ((DIM, DIM), (DIM,)) if num_projection_layers == 2 else ()
    return LayerCase(
        make=lambda: layers.GRUInterestPredictor(
            vocabulary_size=VOCABULARY_SIZE,
            num_interests=NUM_INTERESTS,
            embedding_dim=DIM,
            num_projection_layers=num_projection_layers,
            dropout=0.25,
        ),
        inputs=as_ids,
        output_shape=(4, NUM_INTERESTS),
        weight_shapes=(
            *(ITEM_TABLE, *gru_weights(DIM), *hidden),
            *((DIM, NUM_INTERESTS), (NUM_INTERESTS,)),
        ),
    )


def contextual_case(predictor_class, names, weight_shapes, **options):
    return LayerCase(
        make=lambda: predictor_class(
            vocabulary_size=VOCABULARY_SIZE,
            num_interests=NUM_INTERESTS,
            embedding_dim=DIM,
            **options,
        ),
        inputs=as_context("item_ids", *names),
        output_shape=(4, NUM_INTERESTS),
        weight_shapes=(
            *(ITEM_TABLE, *gru_weights(DIM), *weight_shapes),
            *((DIM,), (DIM, NUM_INTERESTS), (NUM_INTERESTS,)),
        ),
    )


def field_weights(*sizes):
    """Returns the tables of a DeepFM's fields, its hidden layer and P."""
    num_vectors = len(sizes) + 1  # And the history.
    return (
        *((size, DIM) for size in sizes),
        *((size, NUM_INTERESTS) for size in sizes),
        *((DIM, NUM_INTERESTS), (num_vectors * DIM, DIM)),
    )


CASES = {
    "ItemEmbedding": LayerCase(
        make=lambda: layers.ItemEmbedding(
            vocabulary_size=VOCABULARY_SIZE, embedding_dim=DIM
        ),
        inputs=as_ids,
        output_shape=(4, 6, DIM),
        weight_shapes=(ITEM_TABLE,),
        is_per_item=True,
    ),
    "RecencyEmbedding": LayerCase(
        make=lambda: layers.RecencyEmbedding(
            max_history_length=MAX_LENGTH, embedding_dim=DIM
        ),
        inputs=as_mask,
        output_shape=(4, 6, DIM),
        weight_shapes=(POSITION_TABLE,),
        is_per_item=True,
    ),
    "MultiInterestAttention": LayerCase(
        make=lambda: layers.MultiInterestAttention(
            num_interests=NUM_INTERESTS, attention_dim=ATTENTION_DIM
        ),
        inputs=as_vectors("item_vectors"),
        output_shape=(4, NUM_INTERESTS, DIM),
        weight_shapes=ATTENTION_WEIGHTS,
        is_zero_when_empty=True,
    ),
    "TransformerBlock": LayerCase(
        make=lambda: layers.TransformerBlock(feed_forward_dim=FEED_FORWARD_DIM),
        inputs=as_vectors("item_vectors"),
        output_shape=(4, 6, DIM),
        weight_shapes=transformer_weights(FEED_FORWARD_DIM),
        is_per_item=True,
    ),
    "TransformerBlock-causal": LayerCase(
        make=lambda: layers.TransformerBlock(FEED_FORWARD_DIM, causal=True),
        inputs=as_vectors("item_vectors"),
        output_shape=(4, 6, DIM),
        weight_shapes=transformer_weights(FEED_FORWARD_DIM),
        is_per_item=True,
    ),
    "TransformerBlock-pairs": LayerCase(
        make=lambda: layers.TransformerBlock(FEED_FORWARD_DIM),
        inputs=with_pairs(as_vectors("item_vectors")),
        output_shape=(4, 6, DIM),
        weight_shapes=transformer_weights(FEED_FORWARD_DIM),
        is_per_item=True,
    ),
    "TransformerBlock-dropout": LayerCase(
        make=lambda: layers.TransformerBlock(FEED_FORWARD_DIM, dropout=0.5),
        inputs=as_vectors("item_vectors"),
        output_shape=(4, 6, DIM),
        weight_shapes=transformer_weights(FEED_FORWARD_DIM),
        is_per_item=True,
    ),
    "ResumableDropout": LayerCase(
        make=lambda: layers.ResumableDropout(0.5),
        inputs=as_unmasked_vectors,
        output_shape=(4, 6, DIM),
        weight_shapes=(),
        is_per_item=True,
    ),
    "LayerNormalization": LayerCase(
        make=layers.LayerNormalization,
        inputs=as_unmasked_vectors,
        output_shape=(4, 6, DIM),
        weight_shapes=((DIM,), (DIM,)),
        is_per_item=True,
    ),
    "PackedGRU": LayerCase(
        make=lambda: layers.PackedGRU(units=UNITS),
        inputs=as_vectors("inputs"),
        output_shape=(4, UNITS),
        weight_shapes=gru_weights(UNITS),
        is_zero_when_empty=True,
    ),
    "SelfAttentiveExtractor": extractor_case(),
    "SelfAttentiveExtractor-positions_in_sum": extractor_case(
        positions_in_sum=True
    ),
    "SelfAttentiveExtractor-transformer": extractor_case(transformer=True),
    "SelfAttentiveExtractor-dropout": extractor_case(
        transformer=True, dropout=0.5
    ),
    "DynamicRoutingExtractor": capsule_case(
        layers.DynamicRoutingExtractor, MAX_LENGTH, DIM, NUM_INTERESTS * DIM
    ),
    "MINDExtractor": capsule_case(layers.MINDExtractor, DIM, DIM),
    "MINDExtractor-adaptive_interests": capsule_case(
        layers.MINDExtractor, DIM, DIM, adaptive_interests=True
    ),
    "GRUInterestPredictor-1": predictor_case(1),
    "GRUInterestPredictor-2": predictor_case(2),
    "TransformerInterestPredictor": LayerCase(
        make=lambda: layers.TransformerInterestPredictor(
            vocabulary_size=VOCABULARY_SIZE,
            max_history_length=MAX_LENGTH,
            num_interests=NUM_INTERESTS,
            embedding_dim=DIM,
        ),
        inputs=as_ids,
        output_shape=(4, NUM_INTERESTS),
        weight_shapes=(
            *(ITEM_TABLE, POSITION_TABLE, *transformer_weights(DIM)),
            *((DIM, DIM), (DIM,), (DIM, NUM_INTERESTS), (NUM_INTERESTS,)),
        ),
    ),
    "TimeEmbedding": LayerCase(
        make=lambda: layers.TimeEmbedding(embedding_dim=DIM),
        inputs=as_moments,
        output_shape=(4, 6, DIM),
        weight_shapes=TIME_TABLES,
        is_per_item=True,
    ),
    "TimeAwareInterestPredictor": contextual_case(
        layers.TimeAwareInterestPredictor,
        ("timestamps", "request_timestamp"),
        (*TIME_TABLES, *TIME_TABLES, (DIM, DIM)),
    ),
    "DeepFMInterestPredictor": contextual_case(
        layers.DeepFMInterestPredictor,
        ("request_timestamp",),
        field_weights(25),  # The hours, and none.
    ),
    "DeepFMInterestPredictor-attributes": contextual_case(
        layers.DeepFMInterestPredictor,
        ("item_kind", "user_age"),
        field_weights(4, 5),
        time_of_day=False,
        attribute_sizes={"item_kind": 4, "user_age": 5},
    ),
    "UniformInterestPredictor": LayerCase(
        make=lambda: layers.UniformInterestPredictor(NUM_INTERESTS),
        inputs=as_ids,
        output_shape=(4, NUM_INTERESTS),
        weight_shapes=(),
        is_zero_when_empty=True,
    ),
}
