"""The real SFT flow with a plan of two nodes: two Metaflow tasks that torchrun joins, artifacts and model in an object store."""

import json
import re
from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import DurationInSteps, Evaluation, GateCondition
from posttraining.contracts.run_document import RunDocument
from posttraining.run_document import RECIPES, read_run_document

STEPS = 60


def _run_document(models_root: str) -> RunDocument:
    document = read_run_document((RECIPES / "sft-tiny.yaml").read_text())
    recipe = document["recipe"]
    recipe["duration"] = DurationInSteps(steps=STEPS)
    recipe["loggingSteps"] = 5
    recipe["checkpointEverySteps"] = 1000
    recipe["evaluation"] = Evaluation(tasks=["tiny_sums"], limit=40, batchSize=40, headline="train/loss")
    recipe["gate"] = [GateCondition(metric="train/loss", maximum=2)]
    plan: Plan = {
        "nodes": 2,
        "generationNodes": 0,
        "gpusPerNode": 0,
        "microBatch": recipe["batch"]["global"] // 2,
        "gradientAccumulation": 1,
        "sharding": "ddp",
        "activationCheckpointing": "none",
    }
    return {**document, "plan": plan, "modelsRoot": models_root, "name": "sft-on-nodes"}


class Bucket:
    """The test's bucket, read by an S3 client."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._client = boto3.client(
            "s3",
            endpoint_url=environment["AWS_ENDPOINT_URL_S3"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )

    def names(self, uri: str) -> set[str]:
        prefix = uri.removeprefix(f"s3://{self.name}/") + "/"
        listed = self._client.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return {entry["Key"].removeprefix(prefix) for entry in listed.get("Contents", [])}

    def json(self, uri: str) -> Any:
        key = uri.removeprefix(f"s3://{self.name}/")
        return json.loads(self._client.get_object(Bucket=self.name, Key=key)["Body"].read())


@pytest.fixture(scope="module")
def output(metaflow_home_on_object_store: Any, object_store: Any) -> str:
    document = _run_document(f"s3://{object_store.bucket}/models")
    return metaflow_home_on_object_store.run_flow("sft", configuration=document)


def test_two_nodes_train_one_model_and_register_it(output: str, metaflow_home_on_object_store: Any, object_store: Any):
    result = metaflow_home_on_object_store.artifacts("SftFlow", "result")["result"]
    bucket = Bucket(object_store.bucket, object_store.environment)
    assert {"config.json", "model.safetensors", "tokenizer.json", "lineage.json"} <= bucket.names(result["modelUri"])
    assert result["promoted"]
    assert result["metrics"]["train/loss"]["after"] < result["metrics"]["train/loss"]["before"] / 2
    assert 0 <= result["metrics"]["tiny_sums/number"]["after"] <= 1
    lineage = bucket.json(f"{result['modelUri']}/lineage.json")
    assert lineage["plan"]["nodes"] == 2
    pointer = bucket.json(f"s3://{object_store.bucket}/models/sft-on-nodes/promoted.json")
    assert pointer["modelUri"] == result["modelUri"]


def test_first_node_alone_reports_progress_of_the_group(output: str):
    reported = [json.loads(line) for line in re.findall(r"POSTTRAINING_PROGRESS (\{.*\})", output)]
    steps = [event["step"] for event in reported if event["phase"] == "train"]
    assert steps == list(range(5, STEPS + 1, 5))
