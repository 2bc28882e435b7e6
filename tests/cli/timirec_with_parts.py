"""`timirec`, which also prints of how many parts the item table is made."""

import sys
from typing import Any

from tfrs_timirec.cli.main import main
from tfrs_timirec.training import StagedTraining


class ReportingTraining(StagedTraining):
    """Prints the number of parts when training begins."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        parts = self.model.item_embeddings.variables
        rows = [part.shape[0] for part in parts]
        print(f"table of {rows} rows", flush=True)
        super().on_train_begin(logs)


if __name__ == "__main__":
    import tfrs_timirec.experiments.training_run as patched

    patched.StagedTraining = ReportingTraining
    sys.exit(main())
