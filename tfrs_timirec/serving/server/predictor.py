"""What gRPC and REST share: from a request's arrays to the answer's."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import grpc
from tensorflow_serving.apis import get_model_status_pb2

from tfrs_timirec.serving.server.micro_batcher import MicroBatcher
from tfrs_timirec.serving.server.micro_batches import Arrays
from tfrs_timirec.serving.server.model_versions import ModelVersions
from tfrs_timirec.serving.server.servable import Servable
from tfrs_timirec.serving.server.serving_error import (
    ServingError,
    invalid_argument,
)
from tfrs_timirec.serving.server.signature import Signature

DEFAULT_SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class Target:
    """What a request asks for.

    Args:
        model: name of the model.
        version: number of the version; None for the newest.
        signature: name of the signature; `serving_default` if it is empty.
        label: of a version. There are none: TF Serving takes them from its
            model configuration.
    """

    model: str
    version: int | None = None
    signature: str = ""
    label: str = ""


class Predictor:
    """Finds version and signature, checks the inputs and runs them.

    Args:
        versions: of the model.
        batcher: runs the requests.
    """

    def __init__(self, versions: ModelVersions, batcher: MicroBatcher):
        self.versions = versions
        self._batcher = batcher

    def find(self, target: Target) -> Servable:
        """Returns the version that a request asks for.

        Args:
            target: what is asked for.

        Raises:
            ServingError: if there is none.
        """
        if not target.model:
            raise invalid_argument("ModelSpec has no name specified.")
        if target.label:
            raise invalid_argument(
                f"Unrecognized servable version label: {target.label}"
            )
        return self.versions.find(target.model, target.version)

    def find_signature(self, servable: Servable, name: str) -> Signature:
        """Returns a signature of a version.

        Args:
            servable: the version.
            name: of the signature; `serving_default` if it is empty.

        Raises:
            ServingError: if it has none of that name.
        """
        name = name or DEFAULT_SIGNATURE
        if name not in servable.signatures:
            known = ", ".join(sorted(servable.signatures))
            raise ServingError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found. It is one of:'
                f" {known}.",
            )
        return servable.signatures[name]

    async def predict(
        self,
        servable: Servable,
        signature: Signature,
        inputs: Arrays,
        output_names: Sequence[str] = (),
    ) -> Arrays:
        """Returns the outputs by name.

        Args:
            servable: the version that `find` returned.
            signature: the signature that `find_signature` returned.
            inputs: arrays by name.
            output_names: the outputs that are wanted; all by default.

        Raises:
            ServingError: if inputs or output names do not fit.
        """
        signature.check(inputs)
        for name in output_names:
            if name not in signature.outputs:
                raise invalid_argument(
                    f"output tensor alias not found in signature: {name}"
                    " Outputs expected to be in the set"
                    f" {{{','.join(signature.outputs)}}}."
                )
        outputs = await self._batcher.run(servable, signature, inputs)
        return {name: outputs[name] for name in output_names or outputs}

    def status(
        self, target: Target
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Returns the state of one version, or of all.

        Args:
            target: the model, and perhaps a version.

        Raises:
            ServingError: if there is no such model or version.
        """
        if not target.model:
            raise invalid_argument("Missing model name in request.")
        if target.label:
            raise invalid_argument(
                f"Unrecognized servable version label: {target.label}"
            )
        known = (
            self.versions.statuses if target.model == self.versions.name else {}
        )
        wanted = sorted(known, reverse=True)
        if target.version is not None:
            wanted = [target.version]
        if not wanted or wanted[0] not in known:
            which = (
                "any versions"
                if target.version is None
                else f"version {target.version}"
            )
            raise ServingError(
                grpc.StatusCode.NOT_FOUND,
                f"Could not find {which} of model {target.model}",
            )
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in wanted:
            status = response.model_version_status.add()
            status.version = version
            status.state = known[version].state
            status.status.error_code = known[version].code.value[0]
            status.status.error_message = known[version].message
        return response
