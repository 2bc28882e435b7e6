"""examples/tf_serving: clients run, configurations fit their schemas."""

import json
import pathlib
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
)
from tensorflow_serving.config import model_server_config_pb2

from tests.serving.server.toy_server import RunningServer
from tests.serving.toy_exports import LENGTH, make_films, make_model
from tfrs_timirec.serving import RecommenderModule, export

FOLDER = pathlib.Path(__file__).parents[2] / "examples" / "tf_serving"

Field = descriptor_pb2.FieldDescriptorProto


def read(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def make_monitoring_config():
    """Returns an empty MonitoringConfig.

    It has the fields that tensorflow/serving defines in
    monitoring_config.proto, which tensorflow-serving-api does not hold.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name="timirec_test.proto", package="timirec.test", syntax="proto3"
    )
    prometheus = file.message_type.add(name="PrometheusConfig")
    prometheus.field.add(name="enable", number=1, type=Field.TYPE_BOOL)
    prometheus.field.add(name="path", number=2, type=Field.TYPE_STRING)
    file.message_type.add(name="MonitoringConfig").field.add(
        name="prometheus_config",
        number=1,
        type=Field.TYPE_MESSAGE,
        type_name=".timirec.test.PrometheusConfig",
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName("timirec.test.MonitoringConfig")
    return message_factory.GetMessageClass(descriptor)()


def test_text_protos_parse():
    models = model_server_config_pb2.ModelServerConfig()
    text_format.Parse(read("models.config"), models)
    (model,) = models.model_config_list.config
    assert model.name == "recommender"

    monitoring = make_monitoring_config()
    text_format.Parse(read("monitoring.config"), monitoring)
    assert monitoring.prometheus_config.enable

    with pytest.raises(text_format.ParseError, match="enabled"):
        text_format.Parse(
            "prometheus_config { enabled: true }", make_monitoring_config()
        )


def test_compose_file_fits_its_schema(tmp_path):
    def check(path):
        return subprocess.run(
            [
                *(sys.executable, "-m", "check_jsonschema"),
                *("--builtin-schema", "vendor.compose-spec", str(path)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )

    result = check(FOLDER / "compose.yaml")
    assert result.returncode == 0, result.stdout
    # What the service is told to read is mounted, and is here.
    services = yaml.safe_load(read("compose.yaml"))["services"]
    mounted = [
        volume.split(":")[0]
        for service in services.values()
        for volume in service["volumes"]
        if volume.startswith("./")
    ]
    assert len(mounted) == 3
    for name in mounted:
        assert (FOLDER / name).exists(), name

    broken = tmp_path / "compose.yaml"
    broken.write_text(read("compose.yaml").replace("ports:", "portz:"))
    assert check(broken).returncode != 0


def test_manifest_fits_kubernetes():
    documents = list(yaml.safe_load_all(read("kubernetes.yaml")))

    for document in documents:
        kubernetes_validate.validate(document, "1.33", strict=True)
    deployment, service = documents
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels

    deployment["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.33", strict=True)


def test_prometheus_reads_where_metrics_are():
    (job,) = yaml.safe_load(read("prometheus.yml"))["scrape_configs"]

    assert f'path: "{job["metrics_path"]}"' in read("monitoring.config")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(server, module, two raw ids) of an export."""
    log = make_films()
    model = make_model(log)
    folder = tmp_path_factory.mktemp("served")
    export(model, log, folder, max_history_length=LENGTH)
    with RunningServer(folder) as server:
        yield (
            server,
            RecommenderModule(model, log, LENGTH),
            log.items[[3, 1]].tolist(),
        )


def run(*command):
    return subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    ).stdout


@pytest.mark.parametrize("interface", ["grpc", "rest"])
def test_clients_print_the_models_answer(served, interface):
    server, module, history = served
    answer = module.recommend([history], k=3)
    expected = [
        f"{raw.decode()}\t{score:.4f}"
        for raw, score in zip(
            answer["item_ids"].numpy()[0],
            answer["scores"].numpy()[0],
            strict=True,
        )
    ]
    url = f"http://127.0.0.1:{server.server.rest_port}"
    place = {"grpc": ("--address", server.grpc_address), "rest": ("--url", url)}

    out = run(
        *(sys.executable, FOLDER / f"{interface}_client.py", *history),
        *(*place[interface], "--model", "toy", "-k", 3),
    )

    assert out.splitlines() == expected


def test_curl(served):
    server, _, history = served
    url = f"http://127.0.0.1:{server.server.rest_port}"

    out = run("bash", FOLDER / "curl.sh", url, "toy", history[0])

    decoder = json.JSONDecoder()
    answers = []
    while out := out.lstrip():
        answer, end = decoder.raw_decode(out)
        answers.append(answer)
        out = out[end:]
    status, columns, rows = answers
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    (row,) = rows["predictions"]
    assert columns["outputs"]["item_ids"] == [row["item_ids"]]
    assert len(row["item_ids"]) == 3
