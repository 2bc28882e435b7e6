"""SelfAttentiveExtractor: what is weighed and what is summed."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.test_multi_interest_attention import attend
from tfrs_timirec.layers import SelfAttentiveExtractor

IDS = np.array([[0, 0, 3, 5, 2], [4, 3, 4, 2, 6]], np.int32)
# Counted from the newest, 1; padding is 0.
POSITIONS = np.array([[0, 0, 3, 2, 1], [5, 4, 3, 2, 1]])


def make(**options):
    extractor = SelfAttentiveExtractor(
        vocabulary_size=7,
        num_interests=3,
        embedding_dim=4,
        attention_dim=2,
        max_history_length=5,
        **options,
    )
    extractor(IDS)
    rng = np.random.default_rng(0)
    for weight in extractor.weights:
        weight.assign(rng.normal(size=weight.shape))
    return extractor


def by_numpy(extractor, positions_in_sum):
    items = extractor.item_embedding.embeddings.numpy()[IDS]
    table = extractor.recency_embedding.embeddings.numpy()
    hidden = items + table[POSITIONS]
    return attend(
        hidden,
        hidden if positions_in_sum else items,
        IDS != 0,
        extractor.attention.hidden_kernel.numpy(),
        extractor.attention.interest_kernel.numpy(),
    )


@pytest.mark.parametrize("positions_in_sum", [False, True])
def test_equals_numpy(positions_in_sum):
    extractor = make(positions_in_sum=positions_in_sum)

    np.testing.assert_allclose(
        extractor(IDS), by_numpy(extractor, positions_in_sum), atol=1e-5
    )


def test_transformer_outputs_are_weighed_and_summed():
    extractor = make(transformer=True)
    items = extractor.item_embedding.embeddings.numpy()[IDS]
    table = extractor.recency_embedding.embeddings.numpy()
    hidden = extractor.transformer_block(
        items + table[POSITIONS], mask=tf.constant(IDS != 0)
    ).numpy()
    expected = attend(
        hidden,
        hidden,
        IDS != 0,
        extractor.attention.hidden_kernel.numpy(),
        extractor.attention.interest_kernel.numpy(),
    )

    np.testing.assert_allclose(extractor(IDS), expected, atol=1e-5)


def test_attention_on_request():
    extractor = make()
    interests, attention = extractor(IDS, return_attention=True)
    items = extractor.item_embedding.embeddings.numpy()[IDS]

    assert attention.shape == (2, 3, 5)
    assert not attention.numpy()[0, :, :2].any()  # Padding.
    np.testing.assert_allclose(
        interests, np.einsum("bkl,bld->bkd", attention, items), atol=1e-5
    )


def test_positions_in_sum_and_transformer_exclude_each_other():
    with pytest.raises(ValueError, match="`positions_in_sum` must be False"):
        make(positions_in_sum=True, transformer=True)


@pytest.mark.parametrize(
    "name",
    [
        "vocabulary_size",
        "num_interests",
        "embedding_dim",
        "attention_dim",
        "max_history_length",
    ],
)
def test_sizes_must_be_positive_integers(name):
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}=-1"):
        SelfAttentiveExtractor(**{"vocabulary_size": 7, name: -1})
