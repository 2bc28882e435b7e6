"""The experiments of the paper, as data."""

from __future__ import annotations

from typing import Any

from tfrs_timirec.experiments.experiment import Experiment, System

_WITHOUT = "without transformer layer"
_WITH = "with transformer layer"
# Short name, name, ending of the model's name, settings.
_EXTRACTORS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("sa", "self-attentive (ComiRec-SA)", "", {}),
    (
        "dr",
        "dynamic routing (ComiRec-DR)",
        "",
        {"extractor": "dynamic_routing"},
    ),
    ("mind", "capsules of MIND", "", {"extractor": "mind"}),
    ("plus", "transformer (ComiRec+)", "_plus", {}),
)
_TEMPERATURES = (0.01, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

COMIREC = System(
    name="comirec", title="ComiRec", model="comirec", group=_WITHOUT
)
TIMIREC = System(
    name="timirec", title="TiMiRec", model="timirec", group=_WITHOUT
)
WITHOUT_DISTILLATION = System(
    name="attention_pooling",
    title="attn pooling (w/o distill)",
    model="timirec",
    changes={"distillation": False},
    group=_WITHOUT,
)


def _row(name: str, title: str, group: str) -> System:
    return System(name=name, title=title, model=name, group=group)


_EXPERIMENTS = (
    Experiment(
        name="table2",
        title="Table 2: overall performance",
        systems=(
            _row("gru4rec", "GRU4Rec", _WITHOUT),
            _row("youtube_dnn", "YouTube", _WITHOUT),
            _row("mind", "MIND", _WITHOUT),
            COMIREC,
            _row("comirec_dr", "ComiRec-DR", _WITHOUT),
            TIMIREC,
            _row("sasrec", "SASRec", _WITH),
            _row("tisasrec", "TiSASRec", _WITH),
            _row("comirec_plus", "ComiRec+", _WITH),
            _row("timirec_plus", "TiMiRec+", _WITH),
        ),
    ),
    Experiment(
        name="table3",
        title="Table 3: ways of aggregating interests",
        systems=(
            System(
                name="max_pooling",
                title="max pooling (ComiRec)",
                model="comirec",
                group=_WITHOUT,
            ),
            System(
                name="mean_pooling",
                title="mean pooling",
                model="timirec",
                changes={"predictor": "uniform", "distillation": False},
                group=_WITHOUT,
            ),
            WITHOUT_DISTILLATION,
            TIMIREC,
        ),
    ),
    Experiment(
        name="table4",
        title="Table 4: variants of the training",
        systems=(
            System(
                name="joint_training",
                title="joint train",
                model="timirec",
                changes={"pretraining": False},
                group=_WITHOUT,
            ),
            System(
                name="no_stop_gradient",
                title="w/o stopgrad",
                model="timirec",
                changes={"stop_gradient": False},
                group=_WITHOUT,
            ),
            TIMIREC,
        ),
    ),
    Experiment(
        name="model-agnostic",
        title="TiMiRec with other extractors",
        systems=tuple(
            System(
                name=f"{model}_{name}",
                title=f"{title}, {extractor}",
                model="timirec" + plus,
                changes=changes,
                group=extractor,
                first_stage=model == "comirec",
            )
            for name, extractor, plus, changes in _EXTRACTORS
            for model, title in (("comirec", "greedy"), ("timirec", "TiMiRec"))
        ),
    ),
    Experiment(
        name="figure2",
        title="Figure 2: divergence of the best item from the target",
        systems=(COMIREC, WITHOUT_DISTILLATION, TIMIREC),
        tested=None,
    ),
    Experiment(
        name="figure3",
        title="Figure 3: number of interests",
        systems=tuple(
            System(
                name=f"{model}_{k}",
                title=f"{title}, K = {k}",
                model=model,
                changes={"num_interests": k},
            )
            for model, title in (("comirec", "ComiRec"), ("timirec", "TiMiRec"))
            for k in range(1, 9)
            # With one interest both are the same (footnote 5).
            if (model, k) != ("timirec", 1)
        ),
        tested=None,
    ),
    Experiment(
        name="temperature",
        title="Distillation temperature",
        systems=tuple(
            System(
                name=f"timirec_{temperature:g}",
                title=f"TiMiRec, T = {temperature:g}",
                model="timirec",
                changes={"temperature": temperature},
            )
            for temperature in _TEMPERATURES
        ),
        tested=None,
    ),
    Experiment(
        name="figure4",
        title="Figure 4: a case study",
        systems=(
            System(
                name="timirec",
                title="TiMiRec, K = 2",
                model="timirec",
                changes={"num_interests": 2},
            ),
        ),
        datasets=("household_tv/small",),
        tested=None,
    ),
)

EXPERIMENTS = {experiment.name: experiment for experiment in _EXPERIMENTS}
"""Every experiment by its name."""
