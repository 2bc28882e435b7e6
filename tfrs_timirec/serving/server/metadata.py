"""The answer of `GetModelMetadata`."""

from __future__ import annotations

from tensorflow_serving.apis import get_model_metadata_pb2

from tfrs_timirec.serving.server.servable import Servable


def signature_map(
    servable: Servable,
) -> get_model_metadata_pb2.SignatureDefMap:
    """Returns the signatures as the SavedModel holds them.

    Args:
        servable: the version.
    """
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for name, proto in servable.signature_defs.items():
        signatures.signature_def[name].CopyFrom(proto)
    return signatures
