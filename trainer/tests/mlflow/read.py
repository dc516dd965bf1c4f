"""Reads a tracking server with MLflow's client and prints what it has as JSON, or undoes a part of it.

Usage: read.py URI EXPERIMENT MODEL [undo RUN]
"""

import hashlib
import json
import pathlib
import sys
import tempfile

import mlflow
from mlflow import MlflowClient
from mlflow.models import Model

uri, experiment, model = sys.argv[1:4]
mlflow.set_tracking_uri(uri)
client = MlflowClient()


def digests(source):
    """The SHA-256 of each file below an address."""
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(mlflow.artifacts.download_artifacts(source, dst_path=directory))
        files = [path for path in root.rglob("*") if path.is_file()]
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run_as_json(run):
    return {
        "id": run.info.run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "start": run.info.start_time,
        "params": run.data.params,
        "metrics": run.data.metrics,
        "tags": run.data.tags,
        "outputs": [output.model_id for output in run.outputs.model_outputs] if run.outputs else [],
        "history": {key: len(client.get_metric_history(run.info.run_id, key)) for key in list(run.data.metrics)[:2]},
    }


found = client.get_experiment_by_name(experiment)
if sys.argv[4:5] == ["undo"]:
    # What a first attempt would leave that was killed: a run that is not finished, without one of its trials and without its
    # registered version.
    run = sys.argv[5]
    client.update_run(run, status="RUNNING")
    children = client.search_runs([found.experiment_id], f"tags.`mlflow.parentRunId` = '{run}'")
    client.delete_run(children[0].info.run_id)
    client.update_run(children[1].info.run_id, status="RUNNING")
    for version in client.search_model_versions(f"name = '{model}' and run_id = '{run}'"):
        client.delete_model_version(model, version.version)
    sys.exit()

runs = client.search_runs([found.experiment_id], max_results=5000) if found else []
parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
models = mlflow.search_logged_models([found.experiment_id], output_format="list") if found else []
try:
    aliases = client.get_registered_model(model).aliases
except mlflow.exceptions.MlflowException:
    aliases = {}
answer = {
    "runs": {run.info.run_name: run_as_json(run) for run in parents},
    "runCount": len(parents),
    "trials": [run_as_json(run) for run in runs if "mlflow.parentRunId" in run.data.tags],
    "models": [
        {
            "id": logged.model_id,
            "name": logged.name,
            "run": logged.source_run_id,
            "status": str(logged.status),
            "tags": logged.tags,
            "metrics": {metric.key: metric.value for metric in logged.metrics or []},
        }
        for logged in models
    ],
    "versions": {
        version.version: {"run": version.run_id, "source": version.source, "tags": version.tags}
        for version in client.search_model_versions(f"name = '{model}'")
    },
    "aliases": {alias: str(version) for alias, version in aliases.items()},
}
if sys.argv[4:5] == ["files"]:
    answer["runFiles"] = {run.info.run_name: digests(run.info.artifact_uri) for run in parents}
    answer["champion"] = digests(f"models:/{model}@champion")
    with tempfile.TemporaryDirectory() as directory:
        loaded = Model.load(mlflow.artifacts.download_artifacts(f"models:/{model}@champion", dst_path=directory))
        answer["flavors"] = loaded.flavors
print(json.dumps(answer))
