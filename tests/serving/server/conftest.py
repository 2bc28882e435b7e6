"""One server of a toy model for the tests that leave it as it is."""

import pathlib

import grpc
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

import tfrs_timirec  # noqa: F401
from tests.serving.server.toy_server import RunningServer, export_toy


@pytest.fixture(scope="session")
def toy_version(tmp_path_factory) -> pathlib.Path:
    """Version 3 of the toy; not to be changed."""
    return export_toy(tmp_path_factory.mktemp("toy"), 3)


@pytest.fixture(scope="session")
def toy(toy_version):
    with RunningServer(toy_version.parent, max_batch_size=4) as server:
        yield server


@pytest.fixture(scope="session")
def stub(toy):
    with grpc.insecure_channel(toy.grpc_address) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)
