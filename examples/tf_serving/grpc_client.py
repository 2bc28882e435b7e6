"""Asks TF Serving, or `timirec serve`, for recommendations by gRPC.

    python grpc_client.py tv-000012 tv-000345 --model household_tv -k 5

Needs `tensorflow-serving-api`, and nothing of `tfrs_timirec`.
"""

from __future__ import annotations

import argparse

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

TIMEOUT_SECONDS = 30  # The first request of a cold server takes seconds.


def recommend(
    address: str, model: str, history: list[str], k: int
) -> list[tuple[str, float]]:
    """Returns the best items with their scores.

    Args:
        address: host and port of the server.
        model: its name there.
        history: raw item ids, oldest first.
        k: how many.

    Raises:
        grpc.RpcError: with the code and the words of the server.
    """
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    # exclude_ids and exclude_seen are left out: they have defaults.
    inputs = {"item_ids": [history], "k": np.int32(k)}
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        outputs = stub.Predict(request, timeout=TIMEOUT_SECONDS).outputs
    item_ids = tf.make_ndarray(outputs["item_ids"])[0]
    scores = tf.make_ndarray(outputs["scores"])[0]
    return [
        (item.decode(), float(score))
        for item, score in zip(item_ids, scores, strict=True)
    ]


def main() -> None:
    """Prints an item and its score a line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("history", nargs="+", help="item ids, oldest first")
    parser.add_argument("--address", default="localhost:8500")
    parser.add_argument("--model", default="recommender")
    parser.add_argument("-k", type=int, default=10)
    args = parser.parse_args()
    for item, score in recommend(
        args.address, args.model, args.history, args.k
    ):
        print(f"{item}\t{score:.4f}")


if __name__ == "__main__":
    main()
