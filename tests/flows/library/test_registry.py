import json
import math
from pathlib import Path
from typing import cast

import pytest

from posttraining import storage
from posttraining.contracts.flow_result import FlowResult
from posttraining.contracts.lineage import SavedAdapter
from posttraining.evaluation import recorded_measurement, task_fingerprints
from posttraining.examples import load_examples
from posttraining.finished_model import Finished
from posttraining.measurement import EVALUATION_FILE, Measurement
from posttraining.models import read_lineage
from posttraining.registration_checks import RegistrationError
from posttraining.registry import code_hash, model_uri, promoted_model, register_model
from recipes import plan, recipe, run_document

FINISHED: Finished = {"adapter": None, "files": {"model.safetensors": 7}, "problems": []}


def measurement(fingerprints: dict[str, str]) -> Measurement:
    return {
        "fingerprints": fingerprints,
        "metrics": {"tiny_sums/number": 0.5, "tiny_sums/perplexity": cast("float", None)},
        "errors": {"tiny_sums/number": 0.5},
        "documents": {"tiny_sums": ["tiny_sums/0:a", "tiny_sums/1:b"]},
        "samples": {"tiny_sums/number": [0.0, 1.0]},
        "answers": {"tiny_sums": []},
    }


@pytest.fixture
def registered(tmp_path: Path):
    """Registers a model under run id `run`, with or without having passed its gate; returns its URI and result."""
    flow_file = tmp_path / "flow.py"
    flow_file.write_text("")

    def register(
        run: str, promoted: bool, base: str = "tiny:llama", finished: Finished | None = None
    ) -> tuple[str, FlowResult]:
        chosen = recipe()
        root = (tmp_path / "models").as_uri()
        uri = model_uri(root, "sft", run)
        result: FlowResult = {
            "modelUri": uri,
            "baseModelUri": base,
            "promoted": promoted,
            "metrics": {"tiny_sums/number": {"before": 0.0, "after": 0.9}, "train/loss": {"before": 2.0, "after": 1.0}},
            "gate": [{"metric": "tiny_sums/number", "minimum": 0.5, "value": 0.9, "passed": promoted}],
            "headline": {"metric": "tiny_sums/number", "before": 0.0, "after": 0.9},
            "seconds": {"train": 1.0, "evaluate": 1.0},
        }
        document = run_document(chosen, plan(chosen), modelsRoot=root, name="sft")
        fingerprints = task_fingerprints(chosen, plan(chosen), "a template")
        storage.write_bytes(f"{uri}/{EVALUATION_FILE}", json.dumps(measurement(fingerprints)).encode())
        storage.write_bytes(storage.join(uri, "model.safetensors"), b"weights")
        register_model(
            document,
            result,
            finished or FINISHED,
            load_examples(chosen),
            fingerprints,
            f"SftFlow/{run}",
            flow_file,
        )
        return uri, result

    return register


def test_a_model_that_passed_is_promoted(registered, tmp_path: Path):
    uri, result = registered("1", promoted=True)
    pointer = promoted_model((tmp_path / "models").as_uri(), "sft")
    assert pointer is not None
    assert (pointer["modelUri"], pointer["pathspec"]) == (uri, "SftFlow/1")
    assert pointer["metrics"] == result["metrics"]


def test_a_model_that_failed_leaves_the_promoted_one_in_place(registered, tmp_path: Path):
    assert promoted_model((tmp_path / "models").as_uri(), "sft") is None
    first, _ = registered("1", promoted=True)
    second, _ = registered("2", promoted=False)
    pointer = promoted_model((tmp_path / "models").as_uri(), "sft")
    assert pointer is not None
    assert pointer["modelUri"] == first
    lineage = read_lineage(second)
    assert lineage is not None
    assert lineage["promoted"] is False


def test_nothing_is_registered_of_a_model_that_something_is_wrong_with(registered, tmp_path: Path):
    with pytest.raises(RegistrationError, match=r"kept at file:.*\n- it equals its base"):
        registered("1", promoted=True, finished={**FINISHED, "problems": ["it equals its base"]})
    with pytest.raises(RegistrationError, match=r"model\.safetensors is not in the store as it was checked"):
        registered("1", promoted=True, finished={**FINISHED, "files": {"model.safetensors": 8}})
    root = (tmp_path / "models").as_uri()
    assert read_lineage(model_uri(root, "sft", "1")) is None
    assert promoted_model(root, "sft") is None
    assert storage.read_bytes(storage.join(model_uri(root, "sft", "1"), "model.safetensors")) == b"weights"


def test_lineage_says_how_an_adapter_was_saved(registered):
    saved: SavedAdapter = {"saves": "both", "kept": 0.9, "error": 0.4}
    uri, _ = registered("1", promoted=True, finished={**FINISHED, "adapter": saved})
    lineage = read_lineage(uri)
    assert lineage is not None
    assert lineage.get("adapter") == saved


def test_lineage_leads_back_through_the_bases(registered):
    first, _ = registered("1", promoted=True)
    second, _ = registered("2", promoted=True, base=first)
    lineage = read_lineage(second)
    assert lineage is not None
    assert lineage["baseModel"] == {"uri": first, "lineage": f"{first}/lineage.json"}
    before = read_lineage(first)
    assert before is not None
    assert before["baseModel"] == {"uri": "tiny:llama", "lineage": None}
    assert lineage["data"]["examples"] == 4000
    assert {"trl", "transformers", "metaflow"} <= lineage["packages"].keys()
    assert json.dumps(lineage)


def test_what_was_measured_of_a_registered_base_is_reused_only_for_the_same_evaluation(registered):
    uri, _ = registered("1", promoted=True)
    same = task_fingerprints(recipe("dpo"), plan(recipe("dpo")), "a template")
    found = recorded_measurement(uri, same)
    assert found is not None
    assert found["metrics"]["tiny_sums/number"] == 0.5
    assert math.isnan(found["metrics"]["tiny_sums/perplexity"])
    assert found["samples"] == {"tiny_sums/number": [0.0, 1.0]}
    thinking = {"enable_thinking": False}
    for other in (
        recipe("dpo", evaluation__limit=10),
        recipe("dpo", seed=1),
        recipe("dpo", evaluation__tasks=["tiny_sums", "tiny_sums_sampled"]),
        recipe("dpo", model__chatTemplateArguments=thinking),
    ):
        assert recorded_measurement(uri, task_fingerprints(other, plan(other), "a template")) is None
    for template in ("another template", None):
        assert recorded_measurement(uri, task_fingerprints(recipe("dpo"), plan(recipe("dpo")), template)) is None
    assert recorded_measurement("tiny:llama", same) is None


def test_numbers_of_a_base_are_not_reused_without_its_documents_values(registered):
    uri, _ = registered("1", promoted=True)
    lineage = read_lineage(uri)
    assert lineage is not None
    assert EVALUATION_FILE not in lineage["files"]
    (Path(uri.removeprefix("file://")) / EVALUATION_FILE).unlink()
    assert recorded_measurement(uri, lineage["evaluation"]) is None


def test_the_code_hash_changes_with_the_flow(tmp_path: Path):
    (tmp_path / "a.py").write_text("a")
    (tmp_path / "b.py").write_text("b")
    assert code_hash(tmp_path / "a.py") == code_hash(tmp_path / "a.py")
    assert code_hash(tmp_path / "a.py") != code_hash(tmp_path / "b.py")
