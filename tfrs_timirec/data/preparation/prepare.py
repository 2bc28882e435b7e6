"""Prepares a log of any size with Apache Beam."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions
from etils import epath

from tfrs_timirec._files import check_beam_path
from tfrs_timirec._validation import check_no_text, check_positive_int
from tfrs_timirec.data.cleaning import (
    CleaningOptions,
    CleaningReport,
    nothing_left,
)
from tfrs_timirec.data.encoded_log import EncodedLog
from tfrs_timirec.data.loading import quiet_tfds
from tfrs_timirec.data.preparation.row_batches import list_row_groups
from tfrs_timirec.data.preparation.sequence_writer import SequenceWriter
from tfrs_timirec.data.preparation.transforms import (
    KCoreRound,
    LogColumns,
    ReadRecords,
    ReadRows,
    UserRecords,
    WriteCounts,
    WriteRecords,
    count_record,
    distinct_items,
    id_kinds,
    read_table,
)

# More rounds a pipeline are fewer pipelines, each of which takes minutes to
# start on a cluster; but rounds after the last that removes are in vain.
_ROUNDS_PER_PIPELINE = 3

_ERROR_IN_WORKER = re.compile(r"(?:\w+Error): (.+?)(?: \[while running|\n|$)")


def prepare_sequences(
    patterns: Sequence[str],
    output: str | os.PathLike[str],
    *,
    columns: LogColumns | None = None,
    cleaning: CleaningOptions | None = None,
    num_shards: int | None = None,
    pipeline_options: Sequence[str] = (),
    on_step: Callable[[str], Any] = lambda step: None,
) -> CleaningReport:
    """Turns a raw log into a TFDS folder of user sequences.

    Does what `Interactions.from_csv` or `from_parquet` does with the
    concatenation of the files, in the order given and those of a wildcard by
    name, on as many workers as Apache Beam is given: no worker holds more than
    some rows of the log, the whole of one user, and the ids of the items that
    the k-core removes.

    `load_prepared(output)` reads the folder, as does
    `tfds.builder_from_directory(output)`. It appears when it is whole; what is
    written before lies in a folder beside it and is removed at the end.

    Args:
        patterns: paths of files, with wildcards: `*.csv`, `*.tsv`, `*.txt`,
            `*.json` and `*.jsonl` (JSON lines), all also with `.gz`, and
            `*.parquet`. A Parquet file is split among workers by its row
            groups, any other is read by one worker.
        output: the folder to make. On a cluster, it and the files must lie
            where all workers reach them, as `gs://...`.
        columns: names of the columns.
        cleaning: the cleaning rules; by default nothing is removed.
        num_shards: number of files per split; by default by size.
        pipeline_options: Beam's, as "--runner=FlinkRunner"; by default all
            runs in this process.
        on_step: is told in words what begins.

    Returns:
        What reading and cleaning met, changed or removed.

    Raises:
        FileExistsError: if `output` exists.
        FileNotFoundError: if a pattern matches no file.
        ValueError: if `patterns` is one text, `output` holds a wildcard,
            `num_shards` is no number of files, a file is broken, a column is
            missing, a value is bad, or nothing is left. The error names the
            file and the row.

    Example:
    >>> prepare_sequences(
    ...     ["logs/part-*.parquet"], "prepared",
    ...     cleaning=CleaningOptions(min_user_interactions=5))
    >>> interactions = load_prepared("prepared")
    """
    columns = columns or LogColumns()
    cleaning = cleaning or CleaningOptions()
    check_no_text("prepare_sequences", patterns=patterns)
    if num_shards is not None:
        check_positive_int("prepare_sequences", num_shards=num_shards)
    target = epath.Path(output)
    check_beam_path("output", target)
    if target.exists():
        raise FileExistsError(
            f"`output` must not exist yet. Received: output='{target}'."
            " Choose another folder, or delete this one."
        )
    paths = _find_files(patterns)
    first = _first_rows(paths, columns)
    kinds = id_kinds(first)
    # As where all files are one column, whose first time tells.
    rows = ReadRows(paths, columns, kinds, first.exact_times.dtype.kind != "M")
    draft = target.parent / f".draft-{target.name}-{uuid.uuid4().hex[:8]}"
    draft.mkdir(parents=True)
    try:
        run = _Preparation(draft, cleaning, list(pipeline_options), on_step)
        try:
            counts = run.read(rows)
            counts |= run.reduce_to_core(counts)
        except (ValueError, FileNotFoundError):
            raise
        except Exception as error:  # Each runner wraps errors in its own way.
            if found := _ERROR_IN_WORKER.search(str(error)):
                raise ValueError(found[1]) from error
            raise
        folder, written = run.write(kinds, num_shards)
        report = _report(cleaning, counts | written)
        (folder / "preparation.json").write_text(
            json.dumps(
                {"files": paths, "report": dataclasses.asdict(report)}, indent=2
            )
        )
        folder.rename(target)
    finally:
        draft.rmtree(missing_ok=True)
    return report


class _Preparation:
    """Runs one pipeline after the other over records in a draft folder."""

    def __init__(
        self,
        draft: epath.Path,
        cleaning: CleaningOptions,
        flags: list[str],
        on_step: Callable[[str], Any],
    ):
        self.draft = draft
        self.cleaning = cleaning
        self.flags = flags
        self.on_step = on_step
        self.prefix = ""  # Of the newest records.
        self.num_pipelines = 0

    @property
    def has_core(self) -> bool:
        cleaning = self.cleaning
        return (
            max(cleaning.min_user_interactions, cleaning.min_item_interactions)
            > 1
        )

    def read(self, rows: ReadRows) -> dict[str, int]:
        """Writes the records of the whole log; returns the counts."""
        self.on_step("Reading, sorting and grouping by user")
        with self._pipeline() as (pipeline, prefix, counts_path):
            users = pipeline | rows | UserRecords(self.cleaning)
            users.records | WriteRecords(prefix)
            sizes = users.records | "Sizes" >> beam.FlatMap(count_record)
            counts = (users.counts, sizes)
            counts | beam.Flatten() | WriteCounts(counts_path)
        total = self._counts()
        return {**total, "users_before": total["users"]}

    def reduce_to_core(self, counts: dict[str, int]) -> dict[str, int]:
        """Repeats the rounds until one removes nothing; returns the counts."""
        if not self.has_core:
            return {"items_before": 0}
        num_rounds = items_before = 0
        while True:
            self.on_step(f"Reducing to the k-core, from round {num_rounds + 1}")
            records_before = self.prefix
            with self._pipeline() as (pipeline, prefix, counts_path):
                records = pipeline | ReadRecords(records_before)
                items = () if num_rounds else (distinct_items(records),)
                for number in range(_ROUNDS_PER_PIPELINE):
                    before = records
                    records = records | f"Round{number}" >> KCoreRound(
                        self.cleaning
                    )
                records | WriteRecords(prefix)
                counted = [
                    before | "Before" >> beam.Map(_interactions_before),
                    records | "After" >> beam.FlatMap(count_record),
                    *(each | beam.Map(_one_item) for each in items),
                ]
                counted | beam.Flatten() | WriteCounts(counts_path)
            num_rounds += _ROUNDS_PER_PIPELINE
            left = self._counts()
            items_before = items_before or left["items"]
            if not left.get("interactions"):
                raise nothing_left(
                    self.cleaning,
                    counts["rows_read"],
                    counts["users_before"],
                    items_before,
                )
            if left["interactions"] == left["interactions_before"]:
                return {**left, "items_before": items_before}

    def write(
        self, kinds: tuple[type, type], num_shards: int | None
    ) -> tuple[epath.Path, dict[str, int]]:
        """Writes the data set; returns its folder and counts of its ids."""
        self.on_step("Writing the sequences and the vocabulary")
        self.num_pipelines += 1
        writer = SequenceWriter(
            self.prefix,
            kinds,
            self._counts_path,
            data_dir=self.draft / "sequences",
        )
        config = tfds.download.DownloadConfig(
            beam_options=PipelineOptions(self.flags), num_shards=num_shards
        )
        with quiet_tfds():  # `on_step` tells what goes on.
            writer.download_and_prepare(download_config=config)
        num_items = writer.info.splits["items"].num_examples
        return epath.Path(writer.data_path), {
            **self._counts(),
            "items": num_items,
        }

    @property
    def _counts_path(self) -> str:
        return str(self.draft / f"counts-{self.num_pipelines}.json")

    def _counts(self) -> dict[str, int]:
        lines = epath.Path(self._counts_path).read_text().splitlines()
        return dict(json.loads(line) for line in lines)

    @contextlib.contextmanager
    def _pipeline(self) -> Iterator[tuple[beam.Pipeline, str, str]]:
        """Runs what is added to a pipeline.

        Gives it, and where to write the new records and the counts.
        """
        self.num_pipelines += 1
        prefix = str(self.draft / f"records-{self.num_pipelines}")
        with beam.Pipeline(options=PipelineOptions(self.flags)) as pipeline:
            yield pipeline, prefix, self._counts_path
        self.prefix = prefix


def _find_files(patterns: Sequence[str]) -> list[str]:
    paths = []
    for pattern in patterns:
        # A file may have what is a wildcard elsewhere in its name.
        is_file = tf.io.gfile.exists(pattern)
        found = [pattern] if is_file else sorted(tf.io.gfile.glob(pattern))
        if not found:
            raise FileNotFoundError(
                "Each of `patterns` must match a file. Received:"
                f" {pattern!r}, which matches none."
            )
        paths += found
    return list(dict.fromkeys(paths))


def _first_rows(paths: list[str], columns: LogColumns) -> EncodedLog:
    """Returns the first rows of the first file that has some."""
    for path in paths:
        for row_group in list_row_groups(path):
            for _, rows in read_table(path, columns, row_group):
                return rows
    raise ValueError(
        "`patterns` must match a file with at least one interaction. Received:"
        f" {', '.join(map(repr, paths))} without a row. Check that the files"
        " are the right ones."
    )


def _report(
    cleaning: CleaningOptions, counts: dict[str, int]
) -> CleaningReport:
    kept = counts["interactions"]
    after_duplicates = counts["rows_read"] - counts["duplicates_removed"]
    items_before = counts["items_before"]
    return CleaningReport(
        options=cleaning,
        rows_read=counts["rows_read"],
        rows_out_of_order=counts["rows_out_of_order"],
        fractional_times=counts["fractional_times"],
        duplicates_removed=counts["duplicates_removed"],
        interactions_below_minimum=after_duplicates - kept,
        users_below_minimum=counts["users_before"] - counts["users"],
        items_below_minimum=(
            items_before - counts["items"] if items_before else 0
        ),
        ids_with_outer_spaces=counts["ids_with_outer_spaces"],
    )


def _one_item(item: Any) -> tuple[str, int]:
    del item
    return "items", 1


def _interactions_before(record: list[Any]) -> tuple[str, int]:
    return "interactions_before", len(record[1])
