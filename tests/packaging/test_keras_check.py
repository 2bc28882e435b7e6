"""The check that tf-keras is there and fits TensorFlow."""

import importlib.metadata

import pytest

from tfrs_timirec import _keras


def install(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    """Makes tf-keras look installed in `version`, or not at all."""

    def find_version(name: str) -> str:
        assert name == "tf-keras"
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", find_version)


@pytest.mark.parametrize(
    ("tensorflow", "tf_keras"),
    [("2.20.0", "2.20.1"), ("2.16.2", "2.16.0"), ("2.21.0-rc1", "2.21.0rc0")],
)
def test_same_minor_version_is_accepted(monkeypatch, tensorflow, tf_keras):
    install(monkeypatch, tf_keras)

    _keras._require_matching_tf_keras(tensorflow)


# 2.2 begins like 2.20, and 2.20 like 2.2: versions are numbers, not prefixes.
@pytest.mark.parametrize(
    ("tensorflow", "tf_keras"),
    [("2.20.0", "2.19.0"), ("2.20.0", "2.2.0"), ("2.2.0", "2.20.0")],
)
def test_other_minor_version_names_the_command(
    monkeypatch, tensorflow, tf_keras
):
    install(monkeypatch, tf_keras)

    with pytest.raises(ImportError) as caught:
        _keras._require_matching_tf_keras(tensorflow)

    minor = tensorflow.removesuffix(".0")
    assert str(caught.value) == (
        f"`tfrs_timirec` needs tf-keras {minor} beside TensorFlow {tensorflow}"
        f' (Received: tf-keras=={tf_keras}): run: pip install "tf-keras=='
        f'{minor}.*"'
    )


def test_missing_tf_keras_names_the_command(monkeypatch):
    install(monkeypatch, None)

    with pytest.raises(ImportError, match="which is not installed") as caught:
        _keras._require_matching_tf_keras("2.18.1")

    assert str(caught.value).endswith('run: pip install "tf-keras==2.18.*"')
