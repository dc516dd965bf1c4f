"""Prints which versions and aliases an MLflow server has, as JSON.

Usage: tracking.py URI MODEL
"""

import json
import sys

import mlflow
from mlflow import MlflowClient

uri, model = sys.argv[1:3]
mlflow.set_tracking_uri(uri)
client = MlflowClient()
versions = {version.version: version for version in client.search_model_versions(f"name = '{model}'")}
named = {number: version.tags["complaints.modelVersion"] for number, version in versions.items()}
experiments = {
    run.info.run_name: client.get_experiment(experiment.experiment_id).name
    for experiment in client.search_experiments()
    for run in client.search_runs([experiment.experiment_id])
    if "mlflow.parentRunId" not in run.data.tags
}
aliases = client.get_registered_model(model).aliases
print(json.dumps({
    "versions": sorted(named.values()),
    "aliases": {alias: named[str(number)] for alias, number in aliases.items()},
    "digests": {named[number]: version.tags["complaints.sha256"] for number, version in versions.items()},
    "experiments": experiments,
}))
