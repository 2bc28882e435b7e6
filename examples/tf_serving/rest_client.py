"""Asks TF Serving, or `timirec serve`, for recommendations by REST.

    python rest_client.py tv-000012 tv-000345 --model household_tv -k 5

Needs Python alone.
"""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.request

TIMEOUT_SECONDS = 30  # The first request of a cold server takes seconds.


def recommend(
    url: str, model: str, history: list[str], k: int
) -> list[tuple[str, float]]:
    """Returns the best items with their scores.

    Args:
        url: of the server.
        model: its name there.
        history: raw item ids, oldest first.
        k: how many.

    Raises:
        RuntimeError: with the words of the server.
    """
    # By REST every input must be given, also what has a default by gRPC.
    inputs = {
        "item_ids": [history],
        "k": k,
        "exclude_ids": [[""]],
        "exclude_seen": True,
    }
    request = urllib.request.Request(
        f"{url}/v1/models/{model}:predict",
        json.dumps({"inputs": inputs}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as reply:
            outputs = json.load(reply)["outputs"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(json.load(error)["error"]) from error
    return list(zip(outputs["item_ids"][0], outputs["scores"][0], strict=True))


def main() -> None:
    """Prints an item and its score a line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("history", nargs="+", help="item ids, oldest first")
    parser.add_argument("--url", default="http://localhost:8501")
    parser.add_argument("--model", default="recommender")
    parser.add_argument("-k", type=int, default=10)
    args = parser.parse_args()
    for item, score in recommend(args.url, args.model, args.history, args.k):
        print(f"{item}\t{score:.4f}")


if __name__ == "__main__":
    main()
