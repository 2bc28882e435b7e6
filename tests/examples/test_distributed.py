"""examples/distributed: manifests fit their schemas, commands parse."""

import argparse
import copy
import json
import pathlib
import shlex
import subprocess

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tfrs_timirec.cli import train

FOLDER = pathlib.Path(__file__).parents[2] / "examples" / "distributed"


def fields(required, **properties):
    """Returns the schema of an object that has no other fields."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


# What the Training Operator documents of the fields that are used; a pod's
# template has a schema of its own.
REPLICA = fields(
    "replicas template",
    replicas={"type": "integer", "minimum": 1},
    restartPolicy={"enum": ["Always", "OnFailure", "Never", "ExitCode"]},
    template={"type": "object"},
)
TF_JOB = fields(
    "apiVersion kind metadata spec",
    apiVersion={"const": "kubeflow.org/v1"},
    kind={"const": "TFJob"},
    metadata=fields("name", name={"type": "string"}),
    spec=fields(
        "tfReplicaSpecs",
        runPolicy=fields(
            "", cleanPodPolicy={"enum": ["All", "Running", "None"]}
        ),
        tfReplicaSpecs=fields(
            "Chief Worker PS", Chief=REPLICA, Worker=REPLICA, PS=REPLICA
        ),
    ),
)
# What Vertex AI documents of a CustomJobSpec.
STRINGS = {"type": "array", "items": {"type": "string"}}
CUSTOM_JOB = fields(
    "workerPoolSpecs",
    workerPoolSpecs={
        "type": "array",
        "items": fields(
            "machineSpec replicaCount containerSpec",
            machineSpec=fields("machineType", machineType={"type": "string"}),
            replicaCount={"type": "integer", "minimum": 1},
            containerSpec=fields(
                "imageUri",
                imageUri={"type": "string"},
                command=STRINGS,
                args=STRINGS,
            ),
        ),
    },
)


def read(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text("utf-8")))


def parse(words):
    """Returns the arguments of `timirec train ...`."""
    assert words[:2] == ["timirec", "train"]
    parser = argparse.ArgumentParser()
    train.add_parser(parser.add_subparsers())
    return parser.parse_args(words[1:])


def test_job_fits_kubernetes():
    service, job = read("multi_worker.yaml")

    for document in (service, job):
        kubernetes_validate.validate(document, "1.33", strict=True)
    template = job["spec"]["template"]
    assert service["spec"]["selector"] == template["metadata"]["labels"]
    assert template["spec"]["subdomain"] == service["metadata"]["name"]

    job["spec"]["completionMod"] = "Indexed"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, "1.33", strict=True)


def test_pods_of_the_job_know_who_they_are():
    _, job = read("multi_worker.yaml")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (script,) = container["args"]
    setting, command = script.split("exec ")

    out = subprocess.run(
        [*container["command"], setting + 'printf "%s" "$TF_CONFIG"'],
        env={"JOB_COMPLETION_INDEX": "1"},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout

    config = json.loads(out)
    assert config["task"] == {"type": "worker", "index": 1}
    assert len(config["cluster"]["worker"]) == job["spec"]["completions"]
    assert config["cluster"]["worker"][1].startswith("timirec-1.timirec:")
    words = shlex.split(command.replace("\\\n", ""))
    assert parse(words).strategy == "multi_worker"


def test_tf_job_fits_its_fields_and_its_pods_kubernetes():
    (job,) = read("parameter_server.yaml")

    jsonschema.validate(job, TF_JOB)
    for replica in job["spec"]["tfReplicaSpecs"].values():
        pod = {"apiVersion": "v1", "kind": "PodTemplate", **replica}
        pod = {name: pod[name] for name in ("apiVersion", "kind", "template")}
        kubernetes_validate.validate(pod, "1.33", strict=True)
        (container,) = replica["template"]["spec"]["containers"]
        assert container["name"] == "tensorflow"
        assert parse(container["args"]).strategy == "parameter_server"

    broken = copy.deepcopy(job)
    broken["spec"]["tfReplicaSpecs"]["Server"] = {}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, TF_JOB)


def test_vertex_ai_job_fits_its_fields():
    (job,) = read("vertex_ai.yaml")

    jsonschema.validate(job, CUSTOM_JOB)
    assert len(job["workerPoolSpecs"]) == 3  # Chief, workers, servers.
    for pool in job["workerPoolSpecs"]:
        container = pool["containerSpec"]
        words = container["command"] + container["args"]
        assert parse(words).strategy == "parameter_server"
