"""Models that Keras saves and loads as a whole."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_timirec.models.feature_specs import empty_features

# A text as all others: `model.submodules` puts the keys in order.
_NAMELESS = "*"


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
        # Past Keras, which would track layers among them twice.
        arguments = _by_name(cls, args, kwargs)
        if "dtype" in arguments:
            raise ValueError(
                f"{cls.__name__}: `dtype` must be left out: layers have the"
                f" global policy. Received: dtype={arguments['dtype']!r}. Call"
                " tf.keras.mixed_precision.set_global_policy before."
            )
        object.__setattr__(model, "_arguments", arguments)
        return model

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, the stage and the precision.

        Raises:
            ValueError: if an argument was given without a name, to a
                constructor that takes it as one of `*args`.
        """
        if _NAMELESS in self._arguments:
            raise ValueError(
                f"{type(self).__name__}: to be saved, a model must be made with"
                " arguments by name. Received: without a name"
                f" {self._arguments[_NAMELESS]}. Name it, or let the"
                " constructor do so instead of taking `*args`."
            )
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

    def _save_with(self, features: dict[str, tf.Tensor] | None) -> None:
        """Says what a SavedModel of Keras reads; None leaves it to batches.

        Keras would take the first features that the model was called with.

        Args:
            features: what the model reads.
        """
        self._saved_model_inputs_spec = None
        if features is not None:
            self._set_save_spec(features)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> _SaveableModel:
        """Returns a model of a configuration, with new weights.

        Args:
            config: what `get_config` returned.
            custom_objects: unregistered classes of layers, by name.
        """
        config = dict(config)
        stage = config.pop("stage")
        with _global_policy(config.pop("dtype_policy", None)):
            model = cls(
                **{
                    name: tf.keras.saving.deserialize_keras_object(
                        value, custom_objects=custom_objects
                    )
                    if isinstance(value, dict)
                    else value
                    for name, value in config.items()
                }
            )
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


def _by_name(
    model_class: type, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Returns what a constructor is called with, by name, or `_NAMELESS`."""
    signature = inspect.signature(model_class)
    by_name: dict[str, Any] = {}
    for name, value in signature.bind(*args, **kwargs).arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            by_name.update(value)
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            by_name[_NAMELESS] = value
        else:
            by_name[name] = value
    return by_name


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
