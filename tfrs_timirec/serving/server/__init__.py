"""A local server that speaks TF Serving's protocols; extra `[serving]`."""

from tfrs_timirec.serving.server.model_server import (
    ModelServer,
    ServerSettings,
)

__all__ = ["ModelServer", "ServerSettings"]
