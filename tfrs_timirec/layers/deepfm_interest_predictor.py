"""Interest predictor over context: a factorization machine and a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.layers.initialization import small_normal
from tfrs_timirec.layers.interest_predictor import _InterestPredictor
from tfrs_timirec.layers.packed_gru import PackedGRU
from tfrs_timirec.layers.packing import pack
from tfrs_timirec.layers.time_embedding import HOURS, hour_of_day

_TIME = "request_timestamp"


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class DeepFMInterestPredictor(_InterestPredictor):
    r"""Predicts the next interest from history and context by a DeepFM.

    Its fields, each a vector $v_f$ of size D, are

    - the history: the last state of a GRU, as in Eq. 14, over item vectors
      plus the vectors of the items' attributes;
    - the hour of the day of the request (`time_of_day`);
    - each attribute of the user (`user_…`);
    - each attribute of the items (`item_…`), averaged over all its values in
      the history.

    Every field but the history also has first-order weights $w_f$, one an
    interest. The logits are

    $$z^q = \sum_f w_f
      + P \sum_{f < g} v_f \odot v_g
      + W_2\,\mathrm{ReLU}(W_1 [v_1; \dots; v_m] + b_1) + b_2.$$

    DeepFM has one logit and adds the products up; for K logits P weighs them
    in K ways. Its other parts are DeepFM's. An attribute with several values
    counts as their mean; one without a value as zeros. Padding may stand on
    either side.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        time_of_day: whether the hour is a field.
        attribute_sizes: number of ids by attribute, as `attribute_sizes` of
            `tfrs_timirec.data` returns; names start with `item_` or `user_`.
            None has no attributes.
        num_interests: number of interests (K).
        embedding_dim: size of the vectors (D).
        num_projection_layers: layers of the network, 1 or 2.
        dropout: rate of the dropout in the 2-layer network.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Call arguments:
        features: a dict of the `feature_names`: `item_ids` `(batch, length)`
            integers, 0 pads; `request_timestamp` `(batch,)` int64 Unix
            seconds; `item_…` `(batch, length, width)` and `user_…`
            `(batch, width)` integer ids, 0 is none.

    Output shape: `(batch, num_interests)` logits.

    Raises:
        ValueError: if there is no context at all, a name is neither of an item
            nor of a user, a size is not a positive integer,
            `num_projection_layers` is neither 1 nor 2, or `dropout` lies
            outside [0, 1).

    Example:
    >>> predictor = DeepFMInterestPredictor(
    ...     vocabulary_size=100, attribute_sizes={"user_age": 8}
    ... )
    >>> predictor({
    ...     "item_ids": tf.constant([[0, 5, 7]]),
    ...     "request_timestamp": tf.constant([90000]),
    ...     "user_age": tf.constant([[3]]),
    ... }).shape
    TensorShape([1, 4])

    Reference: Guo et al., *DeepFM: a factorization-machine based neural
    network for CTR prediction*, IJCAI 2017; Section 3.5.2.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        time_of_day: bool = True,
        attribute_sizes: Mapping[str, int] | None = None,
        **kwargs: Any,
    ):
        sizes = dict(attribute_sizes or {})
        _check_context(time_of_day, sizes)
        super().__init__(vocabulary_size, **kwargs)
        self.time_of_day = time_of_day
        self.attribute_sizes = sizes
        dtype = self.dtype_policy
        self.gru = PackedGRU(self.embedding_dim, name="gru", dtype=dtype)
        if time_of_day:
            sizes = {_TIME: HOURS + 1, **sizes}
        self.vectors, self.first_order = (
            {
                name: _MeanEmbedding(
                    size, dim, name=f"{name}_{suffix}", dtype=dtype
                )
                for name, size in sizes.items()
            }
            for dim, suffix in (
                (self.embedding_dim, "vectors"),
                (self.num_interests, "first_order"),
            )
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What `call` reads."""
        return ("item_ids", *self.vectors)

    def build(self, input_shape: Any) -> None:
        """Creates the GRU's weights and P, (embedding_dim, num_interests)."""
        self.gru.build((None, None, self.embedding_dim))
        self.pair_kernel = self.add_weight(
            name="pair_kernel",
            shape=(self.embedding_dim, self.num_interests),
            initializer=small_normal(),
        )
        super().build(input_shape)

    def call(
        self, features: Mapping[str, tf.Tensor], training: bool | None = None
    ) -> tf.Tensor:
        """Returns the logits z^q."""
        ids = self._field_ids(features)
        vectors = [self._read_history(features)]
        vectors += [self.vectors[name](ids[name]) for name in ids]
        first_order = [self.first_order[name](ids[name]) for name in ids]
        # The products of all pairs: half of what the square of the sum has
        # more than the sum of the squares.
        total = tf.add_n(vectors)
        pairs = (total**2 - tf.add_n([v**2 for v in vectors])) / 2
        kernel = tf.cast(self.pair_kernel, pairs.dtype)
        return (
            self._project(tf.concat(vectors, axis=-1), training)
            + tf.add_n(first_order)
            + tf.matmul(pairs, kernel)
        )

    def _field_ids(
        self, features: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Returns (batch, any) ids of each field, 0 for none."""
        is_item = tf.not_equal(features["item_ids"], 0)
        batch_size = tf.shape(is_item)[0]
        ids = {}
        for name in self.vectors:
            if name == _TIME:
                ids[name] = hour_of_day(features[name])[:, tf.newaxis] + 1
            elif name.startswith("item_"):
                of_items = tf.where(is_item[..., tf.newaxis], features[name], 0)
                ids[name] = tf.reshape(of_items, (batch_size, -1))
            else:
                ids[name] = features[name]
        return ids

    def _read_history(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns (batch, dim) last states."""
        item_ids = features["item_ids"]
        packing = pack(tf.not_equal(item_ids, 0))
        items = self.item_embedding(packing.gather(item_ids))
        for name in self.attribute_sizes:
            if name.startswith("item_"):
                items += self.vectors[name](packing.gather(features[name]))
        return self.gru.run(items, packing)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "time_of_day": self.time_of_day,
            "attribute_sizes": dict(self.attribute_sizes),
        }


class _MeanEmbedding(tf.keras.layers.Layer):
    """Embeds several ids as the mean of their vectors; 0 is none.

    (…, width) ids become (…, dim) vectors, zeros where there is no id.
    """

    def __init__(self, num_ids: int, dim: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_ids = num_ids
        self.dim = dim

    def build(self, input_shape: Any) -> None:
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.num_ids, self.dim),
            initializer=small_normal(),
        )
        super().build(input_shape)

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        is_value = tf.cast(tf.not_equal(ids, 0), self.compute_dtype)
        vectors = tf.cast(tf.gather(self.embeddings, ids), self.compute_dtype)
        total = tf.reduce_sum(vectors * is_value[..., tf.newaxis], axis=-2)
        count = tf.reduce_sum(is_value, axis=-1, keepdims=True)
        return tf.math.divide_no_nan(total, count)


def _check_context(time_of_day: bool, sizes: Mapping[str, int]) -> None:
    owner = "DeepFMInterestPredictor"
    if not time_of_day and not sizes:
        raise ValueError(
            f"{owner}: there must be context to predict from. Received:"
            " time_of_day=False, attribute_sizes={}. Without any, use a"
            " `GRUInterestPredictor`."
        )
    for name, size in sizes.items():
        if not name.startswith(("item_", "user_")):
            raise ValueError(
                f"{owner}: `attribute_sizes` must name features `item_…` or"
                f" `user_…`. Received: {name!r}"
            )
        check_positive_int(owner, **{f"attribute_sizes[{name!r}]": size})
