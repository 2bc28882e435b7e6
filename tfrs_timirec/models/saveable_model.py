"""Models that Keras saves and loads as a whole."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_timirec.models.feature_specs import empty_features


class _SaveableModel(tfrs.Model):
    """Base of models that `model.save("model.keras")` can bring back.

    A model's configuration is what its constructor was called with, layers
    included, as in Keras 3, the stage that it is in and the precision that it
    was made under. A subclass writes nothing for it, but is registered, or
    named in `custom_objects`.

    Example:
    >>> model.save("model.keras")
    >>> model = tf.keras.models.load_model("model.keras")
    >>> model.fit(training_dataset(split, first_epoch=20))  # Goes on.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> _SaveableModel:
        """Keeps the constructor's arguments for `get_config`."""
        model = super().__new__(cls, *args, **kwargs)
        arguments = inspect.signature(cls).bind(*args, **kwargs).arguments
        arguments.update(arguments.pop("kwargs", {}))
        # Past Keras, which would track layers among them twice.
        object.__setattr__(model, "_arguments", arguments)
        return model

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, the stage and the precision."""
        arguments = {
            name: tf.keras.saving.serialize_keras_object(value)
            if isinstance(value, tf.keras.layers.Layer)
            else value
            for name, value in self._arguments.items()
        }
        return {
            **arguments,
            "stage": self.stage,
            "dtype_policy": self.dtype_policy.name,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> _SaveableModel:
        """Returns a model of a configuration, with new weights.

        Args:
            config: what `get_config` returned.
            custom_objects: unregistered classes of layers, by name.
        """
        arguments = {
            name: tf.keras.saving.deserialize_keras_object(
                value, custom_objects=custom_objects
            )
            for name, value in config.items()
        }
        stage = arguments.pop("stage")
        with _global_policy(arguments.pop("dtype_policy", None)):
            model = cls(**arguments)
        model.set_stage(stage)
        return model

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Creates the weights that the constructor did not.

        Args:
            config: shapes of the features that the model was built with.
        """
        if not self.built:
            length = config["input_shape"]["item_ids"][1]
            self(empty_features(self.feature_names, length))

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles with a saved optimizer.

        Args:
            config: what `get_compile_config` returned.
        """
        self.compile(**tf.keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)


@contextlib.contextmanager
def _global_policy(name: str | None) -> Iterator[None]:
    """Makes layers compute in another precision, unless `name` is None."""
    before = tf.keras.mixed_precision.global_policy()
    if name is not None:
        tf.keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)
