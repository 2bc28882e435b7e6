"""Finding, downloading and reading raw files; real damage, real downloads."""

import gzip
import time
import zipfile

import pytest
import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core.download import downloader
from tfrs_timirec.datasets.movielens_sequences import (
    movielens_sequences_dataset_builder,
)

import tfrs_timirec  # noqa: F401
from tests.datasets.raw_data import serve
from tfrs_timirec.data.loading import load_dataset
from tfrs_timirec.data.raw_files import (
    RawFile,
    find_file,
    fingerprint_files,
    read_gzip_lines,
    read_zip_lines,
)

LOG = RawFile(("log.zip",))
# Text that does not compress, so that a cut loses lines.
LINES = [str(index**5 % 999983) for index in range(5000)]
ENCODED = "".join(f"{line}\n" for line in LINES).encode()
BUILDER_MODULE = movielens_sequences_dataset_builder
DUMMY_DATA = BUILDER_MODULE.Builder.pkg_dir_path / "dummy_data"


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_shallowest_file_is_found(tmp_path):
    deep = touch(tmp_path / "a" / "b" / "log.zip")
    assert find_file(LOG, tmp_path) == deep
    touch(tmp_path / "c" / "other.zip")
    less_deep = touch(tmp_path / "d" / "log.zip")
    assert find_file(LOG, tmp_path) == less_deep
    top = touch(tmp_path / "log.zip")
    assert find_file(LOG, tmp_path) == top


def test_several_files_on_a_level_are_an_error_that_names_them(tmp_path):
    one, two = touch(tmp_path / "a/log.zip"), touch(tmp_path / "b/log.zip")

    with pytest.raises(ValueError, match="one file log.zip") as error:
        find_file(LOG, tmp_path)
    assert str(one) in str(error.value)
    assert str(two) in str(error.value)


def test_no_file(tmp_path):
    assert find_file(LOG, tmp_path) is None
    assert find_file(LOG, tmp_path / "none") is None
    touch(tmp_path / ".cache" / "log.zip")  # Hidden folders do not count.
    (tmp_path / "log.zip").mkdir()  # Nor does a folder of the name.
    assert find_file(LOG, tmp_path) is None


def test_link_to_a_parent_is_no_endless_search(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "up").symlink_to(tmp_path)

    assert find_file(LOG, tmp_path) is None


def test_linked_folder_is_searched(tmp_path):
    touch(tmp_path / "real" / "log.zip")
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual" / "link").symlink_to(tmp_path / "real")

    found = find_file(LOG, tmp_path / "manual")
    assert found == tmp_path / "manual" / "link" / "log.zip"


def test_fingerprint_depends_on_content_and_order(tmp_path):
    one, two, copy = (tmp_path / name for name in ("one", "two", "copy"))
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    copy.write_bytes(b"1")

    assert fingerprint_files([one, two]) == fingerprint_files([copy, two])
    assert fingerprint_files([one, two]) != fingerprint_files([two, one])
    assert fingerprint_files([one]) != fingerprint_files([two])


def test_gzip_lines(tmp_path):
    path = epath.Path(tmp_path / "log.gz")
    path.write_bytes(gzip.compress("a \r\n\nü".encode()))

    assert list(read_gzip_lines(path)) == [(1, "a "), (2, ""), (3, "ü")]


def flip(data, place):
    return data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-4],
        lambda data: flip(data, len(data) // 2),
        lambda _: ENCODED,  # Not compressed.
    ],
    ids=["half", "last bytes gone", "flipped bits", "not gzip"],
)
def test_damaged_gzip_is_named(tmp_path, damage):
    path = epath.Path(tmp_path / "log.gz")
    path.write_bytes(damage(gzip.compress(ENCODED)))

    with pytest.raises(ValueError, match="cut off or damaged after line") as e:
        list(read_gzip_lines(path))
    assert str(path) in str(e.value)


def test_truncated_gzip_is_named_with_its_last_whole_line(tmp_path):
    path = epath.Path(tmp_path / "log.gz")
    path.write_bytes(gzip.compress(ENCODED)[:-2000])
    read: list[str] = []

    with pytest.raises(ValueError, match="cut off") as error:
        read.extend(text for _, text in read_gzip_lines(path))
    assert 0 < len(read) < len(LINES)
    assert read == LINES[: len(read)]
    assert f"after line {len(read)} " in str(error.value)


def test_wrong_encoding_is_named_by_line(tmp_path):
    path = epath.Path(tmp_path / "log.gz")
    path.write_bytes(gzip.compress("a\nü\n".encode("latin-1")))

    with pytest.raises(ValueError, match="utf-8 text. Received: line 2"):
        list(read_gzip_lines(path))


def zipped(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/log.txt", ENCODED)
    return epath.Path(path)


def test_zip_lines(tmp_path):
    path = zipped(tmp_path / "log.zip")

    lines = list(read_zip_lines(path, "folder/log.txt", "latin-1"))
    assert lines == list(enumerate(LINES, start=1))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: flip(data, len(data) // 2),
        lambda _: b"<html>Not found</html>",
        lambda _: b"",
    ],
    ids=["half", "flipped bits", "not zip", "empty"],
)
def test_damaged_zip_is_named(tmp_path, damage):
    path = zipped(tmp_path / "log.zip")
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(ValueError, match="cut off or damaged") as error:
        list(read_zip_lines(path, "folder/log.txt", "latin-1"))
    assert str(path) in str(error.value)


def test_zip_without_the_member(tmp_path):
    path = zipped(tmp_path / "log.zip")

    with pytest.raises(ValueError, match=r"must hold ml-1m/x.*folder/log"):
        list(read_zip_lines(path, "ml-1m/x", "latin-1"))


def test_download(tmp_path, monkeypatch):
    # No such folder as the manual directory: TFDS refuses to name it.
    with serve(DUMMY_DATA) as url:
        monkeypatch.setattr(BUILDER_MODULE, "_URL", url + "/{name}.zip")
        builder = tfds.builder("movielens_sequences/1m", data_dir=tmp_path)
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(try_download_gcs=False)
        )

    assert builder.info.splits["users"].num_examples == 2


def test_manual_directory_comes_before_the_network(tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    with serve(empty) as url:  # Answers 404.
        monkeypatch.setattr(BUILDER_MODULE, "_URL", url + "/{name}.zip")
        assert load_dataset("movielens_sequences/1m", DUMMY_DATA).num_users == 2


@pytest.mark.parametrize("manual_dir", ["empty", "absent"])
def test_neither_file_nor_download(tmp_path, monkeypatch, manual_dir):
    (tmp_path / "empty").mkdir()
    with serve(tmp_path / "empty") as url:
        monkeypatch.setattr(BUILDER_MODULE, "_URL", url + "/{name}.zip")
        builder = tfds.builder("movielens_sequences/1m", data_dir=tmp_path)
        with pytest.raises(FileNotFoundError, match="404") as error:
            builder.download_and_prepare(
                download_config=tfds.download.DownloadConfig(
                    manual_dir=tmp_path / manual_dir, try_download_gcs=False
                )
            )
    message = str(error.value)
    assert "ml-1m.zip" in message
    assert f"{url}/ml-1m.zip" in message
    assert str(tmp_path / manual_dir) in message


def test_no_network(tmp_path, monkeypatch):
    # A port that nobody listens on any more.
    with serve(tmp_path) as url:
        pass
    monkeypatch.setattr(BUILDER_MODULE, "_URL", url + "/{name}.zip")
    retries = downloader.MAX_RETRIES
    start = time.monotonic()

    with pytest.raises(FileNotFoundError, match="download from") as error:
        load_dataset("movielens_sequences/1m", tmp_path)
    # TFDS itself pauses 0.2 * 2**n seconds after its n-th failure (0 after the
    # first) and fails 11 times: 204 seconds.
    assert time.monotonic() - start < 60
    assert retries == downloader.MAX_RETRIES
    assert f"{url}/ml-1m.zip" in str(error.value)
    assert str(tmp_path) in str(error.value)
