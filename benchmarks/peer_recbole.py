"""Times RecBole's training and full ranking; `peers.py` starts it.

    RECBOLE_PYTHON benchmarks/peer_recbole.py FOLDER EPOCHS MODEL

FOLDER holds `log/log.inter`. Prints a line of JSON for each thing timed. It
runs in RecBole's environment and imports nothing of this package.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.trainer import Trainer
from recbole.utils import get_model, init_seed

_SETTINGS = {
    "dataset": "log",
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
    "MAX_ITEM_LIST_LENGTH": 20,
    "eval_args": {
        "split": {"LS": "valid_and_test"},
        "group_by": "user",
        "order": "TO",
        "mode": "full",
    },
    "metrics": ["Hit", "NDCG"],
    "topk": [5, 10, 20, 50],
    "valid_metric": "NDCG@10",
    "loss_type": "BPR",
    "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1},
    "train_batch_size": 256,
    "eval_batch_size": 256,
    "learning_rate": 1e-3,
    "embedding_size": 64,
    "hidden_size": 64,
    "use_gpu": False,
    "state": "WARNING",
    "show_progress": False,
    "save_dataset": False,
    "save_dataloaders": False,
}
# As large as the models that they are measured beside.
_MODEL_SETTINGS = {
    "GRU4Rec": {"num_layers": 1, "dropout_prob": 0.0},
    "SASRec": {
        "n_layers": 1,
        "n_heads": 1,
        "inner_size": 64,
        "hidden_act": "relu",
        "hidden_dropout_prob": 0.0,
        "attn_dropout_prob": 0.0,
    },
}


def main() -> None:
    """Prints what was timed."""
    folder, epochs, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    config = Config(
        model=name,
        config_dict={
            **_SETTINGS,
            **_MODEL_SETTINGS[name],
            "data_path": folder,
            "checkpoint_dir": folder,
        },
    )
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    train, validation, _ = data_preparation(config, dataset)
    model = get_model(name)(config, train.dataset)
    trainer = Trainer(config, model)
    steps = iter(range(epochs + 1))
    _time(
        "an epoch",
        len(train.dataset),
        epochs,
        lambda: trainer._train_epoch(train, next(steps)),
    )
    _time(
        "full ranking",
        len(validation.dataset),
        epochs,
        lambda: trainer.evaluate(validation, load_best_model=False),
    )


def _time(
    what: str, count: int, repeats: int, call: Callable[[], object]
) -> None:
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "what": what,
                "count": count,
                "seconds": statistics.median(times[1:]),
                "version": f"torch {torch.__version__}",
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
