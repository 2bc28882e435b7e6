"""TimeEmbedding: which hour, which gap."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers import TimeEmbedding


def make():
    layer = TimeEmbedding(embedding_dim=2)
    layer.build(None)
    # An hour shows in the first number, a gap's class in the second.
    hours, gaps = np.arange(24.0), np.arange(33.0)
    layer.set_weights(
        [
            np.stack([hours, np.zeros(24)], axis=1),
            np.stack([np.zeros(33), gaps], axis=1),
        ]
    )
    return layer


@pytest.mark.parametrize(
    ("timestamp", "hour"),
    [
        (0, 0),
        (3599, 0),
        (3600, 1),
        (86399, 23),
        (86400, 0),
        (1_623_427_200, 16),  # 2021-06-11 16:00 UTC.
        (-1, 23),  # 1969-12-31 23:59:59.
    ],
)
def test_hour_of_the_day(timestamp, hour):
    vectors = make()(tf.constant([timestamp]), gaps=tf.constant([-1]))

    assert vectors.numpy().tolist() == [[hour, 0]]


@pytest.mark.parametrize(
    ("gap", "gap_class"),
    # 1 + floor(log2(1 + gap)).
    [
        *((-1, 0), (0, 1), (1, 2), (2, 2), (3, 3), (6, 3), (7, 4)),
        *((2**29 - 2, 29), (2**29 - 1, 30), (2**31 - 1, 32), (2**60, 32)),
    ],
)
def test_gap_by_its_logarithm(gap, gap_class):
    vectors = make()(tf.constant([0]), gaps=tf.constant([gap], tf.int64))

    assert vectors.numpy().tolist() == [[0, gap_class]]


def test_size_must_be_positive():
    with pytest.raises(ValueError, match="`embedding_dim`.*Received"):
        TimeEmbedding(embedding_dim=0)
