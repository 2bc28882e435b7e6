"""`timirec serve`: a local server with TF Serving's interfaces."""

from __future__ import annotations

import argparse
import asyncio
import logging
import pathlib

from tfrs_timirec.serving import find_shipped_model

_DESCRIPTION = """\
Serves an exported model on this machine with the interfaces of TF Serving: gRPC
(PredictionService, ModelService) and REST. Requests that wait are run as one
batch. A new version in MODEL_DIR takes over without a lost request; one that
does not load is reported, and the old one goes on. SIGTERM and Ctrl-C let
running requests finish.
"""

_EPILOG = """\
Examples:
  timirec serve
      the model that comes with the package
  timirec serve saved_models/household_tv
  timirec serve saved_models/household_tv --rest-port 9001 --model-name tv

Then, in another terminal:
  curl localhost:8501/v1/models/amazon_beauty
      the state of every version
  curl localhost:8501/v1/models/amazon_beauty:predict --data '{"instances": [
      {"item_ids": ["B0000632EN", "9759091062"], "k": 5, "exclude_ids": [""],
      "exclude_seen": true}]}'
      the five best items after two; ids are the data set's
  curl localhost:8501/v1/models/amazon_beauty/metadata
      the signatures with their inputs and outputs
  curl localhost:8501/monitoring/prometheus/metrics
      requests, latencies, batch sizes; /healthz and /readyz for a supervisor

Only this machine can connect unless --host says otherwise. There is no
encryption and no log-in: put a proxy before it, or TF Serving in its place.
"""

_MISSING = (
    "'timirec serve' needs the extra [serving], of which a module is missing:"
    " {name}. Install it with: pip install 'tfrs-timirec[serving]'"
)


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Adds the verb to the parser of `timirec`.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "serve",
        help="serve an exported model by gRPC and REST",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model_dir",
        metavar="MODEL_DIR",
        nargs="?",
        type=pathlib.Path,
        help="folder of versions, as saved_models/household_tv (default: the"
        " model that comes with the package, TiMiRec+ for Amazon Beauty)",
    )
    parser.add_argument(
        "--model-name", help="name in requests (default: the folder's)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--grpc-port", type=int, default=8500, help="0 takes a free one (8500)"
    )
    parser.add_argument(
        "--rest-port", type=int, default=8501, help="0 takes a free one (8501)"
    )
    parser.add_argument(
        "--no-batching",
        dest="batching",
        action="store_false",
        help="run each request alone",
    )
    for name, default, text in (
        ("max-batch-size", 128, "rows of a batch and of a request"),
        ("max-queued", 1000, "requests that wait before more are refused"),
        ("max-body-mib", 4, "size of a request"),
    ):
        parser.add_argument(
            f"--{name}",
            type=int,
            default=default,
            metavar="N",
            help=f"{text} ({default})",
        )
    parser.add_argument(
        "--num-threads",
        type=int,
        metavar="N",
        help="batches that run at the same time (one fewer than the cores)",
    )
    parser.add_argument(
        "--poll-seconds",
        type=float,
        default=1.0,
        metavar="S",
        help="pause between two looks for new versions (1)",
    )
    parser.add_argument(
        "--grace-seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="time for running requests at the end (10)",
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Serves until SIGTERM or Ctrl-C.

    Args:
        args: the parsed arguments.

    Raises:
        ValueError: if the extra is not installed, or nothing can be served.
        OSError: if a port is in use, or there is no shipped model.
    """
    try:
        from tfrs_timirec.serving.server import (  # noqa: PLC0415
            ModelServer,
            ServerSettings,
        )
    except ModuleNotFoundError as error:
        raise ValueError(_MISSING.format(name=error.name)) from error
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    server = ModelServer(
        args.model_dir or find_shipped_model(),
        args.model_name,
        ServerSettings(
            host=args.host,
            grpc_port=args.grpc_port,
            rest_port=args.rest_port,
            batching=args.batching,
            max_batch_size=args.max_batch_size,
            max_queued=args.max_queued,
            max_body_mib=args.max_body_mib,
            num_threads=args.num_threads,
            poll_seconds=args.poll_seconds,
            grace_seconds=args.grace_seconds,
        ),
    )
    asyncio.run(server.run())
    return 0
