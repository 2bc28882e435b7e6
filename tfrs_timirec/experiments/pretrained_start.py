"""A run that starts where another one's training ended."""

from __future__ import annotations

import pathlib

from tfrs_timirec.experiments.run_folder import RunFolder, RunRecord
from tfrs_timirec.models import ComiRec
from tfrs_timirec.training.backup import Backup


def take_over_pretraining(
    model: ComiRec, record: RunRecord, donor: RunFolder, backup: pathlib.Path
) -> None:
    """Writes the backup that a run would have after its own first stage.

    The extractor and the logs come from the donor; the predictor and its
    random state are new, as they would be: they rest while pretraining. Where
    the extractor has dropout, finetuning draws other places than a run of both
    stages would. Does nothing if there is a backup already.

    Args:
        model: the run's compiled, untrained model of two stages.
        record: what the run is.
        donor: a finished run of `record.settings.of_pretraining`.
        backup: the folder of the run's backup.

    Raises:
        FileNotFoundError: if the donor has not finished.
        ValueError: if the donor is not the run's first stage.
    """
    saved = Backup(backup)
    if saved.progress() is not None:
        return
    known = donor.record()
    settings = record.settings.of_pretraining
    if (
        settings is None
        or settings.differences(known.settings)
        or record.data_fingerprint != known.data_fingerprint
    ):
        raise ValueError(
            "`pretrained_from` must be the folder of a run that is this run's"
            f" first stage. Received: pretrained_from='{donor.path}', trained"
            f" on {known.data!r} with {known.settings}. Needed is one on"
            f" {record.data!r} with {settings}."
        )
    pretraining, finetuning = model.stages
    pretrained = known.settings.build_model(model.item_embeddings.shape[0])
    pretrained.set_weights(donor.read_weights(pretrained.stages[-1]))
    model.extractor.set_weights(pretrained.extractor.get_weights())
    history = donor.read_history().to_dict("records")
    saved.stage_weights.keep(pretraining, model.weights)
    saved.save(
        model,
        {
            "history": history,
            "next_stage": model.stages.index(finetuning) + 1,
            "finished": False,
        },
    )
