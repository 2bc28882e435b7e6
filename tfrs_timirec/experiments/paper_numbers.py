"""The paper's own results: Tables 2 to 4, and two numbers of its text.

Source: Wang et al., *Target Interest Distillation for Multi-Interest
Recommendation*, CIKM 2022, https://doi.org/10.1145/3511808.3557464.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

_Table = Mapping[str, Mapping[str, tuple[float, ...]]]

METRICS = {
    "H@5": "hit_rate_at_5",
    "H@10": "hit_rate_at_10",
    "H@20": "hit_rate_at_20",
    "N@5": "ndcg_at_5",
    "N@10": "ndcg_at_10",
    "N@20": "ndcg_at_20",
}
"""The paper's names of the metrics, and this package's."""


@dataclasses.dataclass(frozen=True)
class PaperData:
    """A data set of the paper and its stand-in here.

    Args:
        name: the paper's name.
        num_users: users, by Table 1.
        num_items: items.
        num_interactions: interactions.
        is_simulated: whether the stand-in is simulated, and so never the
            paper's data, though it has as many of all.
    """

    name: str
    num_users: int
    num_items: int
    num_interactions: int
    is_simulated: bool = False


PAPER_DATA = {
    "amazon_beauty": PaperData("Beauty", 22_363, 12_101, 198_502),
    "movielens_sequences/1m": PaperData("MovieLens", 6_040, 3_706, 1_000_209),
    "household_tv/cmcc": PaperData(
        "CMCC", 49_847, 29_074, 1_300_351, is_simulated=True
    ),
}
"""By the name of the data set that comes nearest here."""

TABLE_2 = {
    # H@5, H@10, H@20, N@5, N@10, N@20
    "Beauty": {
        "GRU4Rec": (0.1072, 0.1552, 0.2107, 0.0719, 0.0873, 0.1013),
        "YouTube": (0.1040, 0.1563, 0.2264, 0.0702, 0.0870, 0.1046),
        "MIND": (0.1193, 0.1727, 0.2492, 0.0809, 0.0981, 0.1173),
        "ComiRec": (0.1257, 0.1832, 0.2543, 0.0852, 0.1038, 0.1217),
        "TiMiRec": (0.1437, 0.2006, 0.2645, 0.1006, 0.1118, 0.1350),
        "SASRec": (0.1435, 0.2058, 0.2706, 0.1004, 0.1192, 0.1356),
        "TiSASRec": (0.1529, 0.2084, 0.2760, 0.1087, 0.1266, 0.1436),
        "ComiRec+": (0.1546, 0.2123, 0.2809, 0.1095, 0.1272, 0.1459),
        "TiMiRec+": (0.1573, 0.2196, 0.2887, 0.1112, 0.1313, 0.1488),
    },
    "MovieLens": {
        "GRU4Rec": (0.2730, 0.3964, 0.5323, 0.1875, 0.2273, 0.2616),
        "YouTube": (0.2336, 0.3406, 0.4719, 0.1597, 0.1942, 0.2274),
        "MIND": (0.1863, 0.2881, 0.4152, 0.1229, 0.1558, 0.1877),
        "ComiRec": (0.2513, 0.3659, 0.4937, 0.1708, 0.2078, 0.2400),
        "TiMiRec": (0.3091, 0.4310, 0.5625, 0.2136, 0.2529, 0.2861),
        "SASRec": (0.3124, 0.4407, 0.5674, 0.2177, 0.2593, 0.2910),
        "TiSASRec": (0.3212, 0.4397, 0.5712, 0.2241, 0.2625, 0.2956),
        "ComiRec+": (0.2745, 0.3906, 0.5091, 0.1875, 0.2249, 0.2549),
        "TiMiRec+": (0.3333, 0.4556, 0.5843, 0.2346, 0.2741, 0.3067),
    },
    "CMCC": {
        "GRU4Rec": (0.3978, 0.5121, 0.6306, 0.2916, 0.3286, 0.3587),
        "YouTube": (0.4170, 0.5328, 0.6453, 0.3064, 0.3438, 0.3723),
        "MIND": (0.4229, 0.5381, 0.6533, 0.3119, 0.3492, 0.3784),
        "ComiRec": (0.4547, 0.5716, 0.6845, 0.3356, 0.3735, 0.4020),
        "TiMiRec": (0.4812, 0.5934, 0.7018, 0.3636, 0.3999, 0.4273),
        "SASRec": (0.4681, 0.5828, 0.6853, 0.3533, 0.3905, 0.4164),
        "TiSASRec": (0.4768, 0.5882, 0.6937, 0.3615, 0.3975, 0.4242),
        "ComiRec+": (0.4831, 0.5960, 0.6997, 0.3662, 0.4027, 0.4290),
        "TiMiRec+": (0.4886, 0.6020, 0.7091, 0.3690, 0.4057, 0.4329),
    },
}
"""Means over five seeds, by data set and system."""

TABLE_3 = {
    # H@10, N@10
    "Beauty": {
        "max pooling (ComiRec)": (0.1832, 0.1038),
        "mean pooling": (0.1738, 0.0975),
        "attn pooling (w/o distill)": (0.1791, 0.1043),
        "TiMiRec": (0.2006, 0.1118),
    },
    "MovieLens": {
        "max pooling (ComiRec)": (0.3659, 0.2078),
        "mean pooling": (0.3623, 0.2086),
        "attn pooling (w/o distill)": (0.4258, 0.2503),
        "TiMiRec": (0.4310, 0.2529),
    },
}
"""Ways of aggregating interests."""

TABLE_4 = {
    # H@10, N@10
    "Beauty": {
        "joint train": (0.1787, 0.1030),
        "w/o stopgrad": (0.1971, 0.1157),
        "TiMiRec": (0.2006, 0.1118),
    },
    "MovieLens": {
        "joint train": (0.4267, 0.2483),
        "w/o stopgrad": (0.4260, 0.2468),
        "TiMiRec": (0.4310, 0.2529),
    },
}
"""Variants of the training."""

MISPRINTS = {("Beauty", "TiMiRec", "ndcg_at_10")}
"""What cannot be, as printed: data set, system, metric.

An item at rank r adds 1 / log2(r + 1) to the NDCG. So the hits between rank 6
and 10, 0.2006 - 0.1437, take an NDCG@5 of 0.1006 to an NDCG@10 of at least
0.1006 + 0.0569 / log2(11) = 0.1170 and at most 0.1209; Tables 2 to 4 have
0.1118. All other numbers of Table 2 are in such bounds.
"""

INTEREST_DISTANCES = {"Beauty": {"w/o stopgrad": 0.69, "TiMiRec": 4.08}}
"""Mean L2 distance between a user's interests (Section 4.4)."""

JS_PREDICTED = {
    "Beauty": {"TiMiRec": 0.0032},
    "MovieLens": {"TiMiRec": 0.0005},
}
"""Mean divergence of the prediction from the target (Section 4.2)."""


def is_misprint(dataset: str, system: str, column: str) -> bool:
    """Whether a number of the paper contradicts its others.

    Args:
        dataset: name of the data set here, as "amazon_beauty".
        system: title of the row.
        column: the package's name of a metric.

    Example:
    >>> is_misprint("amazon_beauty", "TiMiRec", "ndcg_at_10")
    True
    """
    paper = PAPER_DATA.get(dataset)
    return paper is not None and (paper.name, system, column) in MISPRINTS


def paper_value(
    experiment: str, dataset: str, system: str, column: str
) -> float | None:
    """Returns a number of the paper; None where it has none.

    Args:
        experiment: name of the experiment, as "table2".
        dataset: name of the data set here, as "amazon_beauty".
        system: title of the row.
        column: the package's name of a metric, or "interest_distance" or
            "js_predicted".

    Example:
    >>> paper_value("table2", "amazon_beauty", "TiMiRec", "hit_rate_at_10")
    0.2006
    """
    if dataset not in PAPER_DATA:
        return None
    name = PAPER_DATA[dataset].name
    scalars = {
        "interest_distance": INTEREST_DISTANCES,
        "js_predicted": JS_PREDICTED,
    }
    if column in scalars:
        return scalars[column].get(name, {}).get(system)
    tables: dict[str, tuple[_Table, tuple[str, ...]]] = {
        "table2": (TABLE_2, tuple(METRICS.values())),
        "table3": (TABLE_3, ("hit_rate_at_10", "ndcg_at_10")),
        "table4": (TABLE_4, ("hit_rate_at_10", "ndcg_at_10")),
    }
    if experiment not in tables:
        return None
    table, columns = tables[experiment]
    row = table.get(name, {}).get(system)
    if row is None or column not in columns:
        return None
    return row[columns.index(column)]
