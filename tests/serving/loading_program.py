"""Asks exports with TensorFlow alone, as told; run in a process of its own.

    python loading_program.py < tasks.json > answers.json

A task is an export's folder, a loader, "tf2" or "tf1", and requests. A request
is a signature and its inputs; of the others their defaults are taken.
"""

import json
import sys
from typing import Any

import numpy as np
import tensorflow as tf


def answer_all(folder: str, loader: str, requests: list) -> list:
    """Returns the outputs of each request by name, as lists."""
    if loader == "tf2":
        loaded = tf.saved_model.load(folder)
        return [
            {
                name: as_list(value.numpy())
                for name, value in method(loaded, signature)(**inputs).items()
            }
            for signature, inputs in requests
        ]
    # The way that TF Serving takes.
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        signatures = tf.compat.v1.saved_model.load(
            session, ["serve"], folder
        ).signature_def
        return [
            {
                name: as_list(value)
                for name, value in session.run(
                    {
                        name: output.name
                        for name, output in signatures[key].outputs.items()
                    },
                    feed(signatures[key], inputs),
                ).items()
            }
            for key, inputs in requests
        ]


def method(loaded: Any, signature: str) -> Any:
    """Returns the function of the loaded object that a signature is made of."""
    name = "recommend" if signature == "serving_default" else signature
    return getattr(loaded, name)


def feed(signature: Any, inputs: dict) -> dict:
    """Returns what to feed: the inputs, and the signature's own defaults."""
    assert set(inputs) | set(signature.defaults) == set(signature.inputs)
    values = {
        name: tf.make_ndarray(value)
        for name, value in signature.defaults.items()
    } | inputs
    return {
        signature.inputs[name].name: np.array(
            value, tf.as_dtype(signature.inputs[name].dtype).as_numpy_dtype
        )
        for name, value in values.items()
    }


def as_list(values: np.ndarray) -> list:
    """Returns what JSON can hold."""
    if values.dtype.kind in "OS":
        values = np.char.decode(values.astype("S"), "utf-8")
    return values.tolist()


if __name__ == "__main__":
    answers = [answer_all(*task) for task in json.load(sys.stdin)]
    assert not {"tfrs_timirec", "tensorflow_recommenders"} & set(sys.modules)
    json.dump(answers, sys.stdout)
