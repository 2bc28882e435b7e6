"""TF Serving's own messages read what is written without them."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.serving.warmup import predict_log

prediction_log = pytest.importorskip(
    "tensorflow_serving.apis.prediction_log_pb2"
)


def test_a_request_is_what_tf_serving_reads():
    inputs = {
        "item_ids": tf.constant([["é" * 200, "b"]]),  # A length of two bytes.
        "k": tf.constant([10]),
    }

    log = prediction_log.PredictionLog.FromString(
        predict_log("interests", inputs)
    )

    request = log.predict_log.request
    assert request.model_spec.signature_name == "interests"
    assert set(request.inputs) == set(inputs)
    for name, value in inputs.items():
        np.testing.assert_array_equal(
            tf.make_ndarray(request.inputs[name]), value.numpy()
        )
