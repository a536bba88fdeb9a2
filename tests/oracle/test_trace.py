"""The oracle on a model of two layers; needs the training environment.

PYTHONPATH=flows python -m pytest tests/oracle
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.testing._internal.distributed.fake_pg import FakeStore

from sizing_oracle import trace as oracle

TINY = {
    "hidden_size": 512,
    "intermediate_size": 1536,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "vocab_size": 8192,
    "tie_word_embeddings": True,
}
LAYER = 512 * 512 * 2 + 2 * 512 * 256 + 3 * 512 * 1536 + 2 * 512
PARAMETERS = 8192 * 512 + 2 * LAYER + 512


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(oracle._CONFIGURATIONS, "tiny", ("llama", TINY))


@pytest.fixture
def ranks() -> Iterator[None]:
    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=4)
    yield
    dist.destroy_process_group()


def job(
    method: str = "sft",
    trainable: str = "full",
    reference: str = "none",
    tokens: int = 256,
    shards: int = 1,
) -> oracle.Job:
    return oracle.Job(method, "tiny", trainable, 8, tokens, tokens, 2, "none", reference, shards)


def test_weights_and_states_are_those_of_the_shape() -> None:
    traced = oracle.trace(job())["byCategoryGib"]
    assert traced["Parameter"] * oracle.GIB == pytest.approx(4 * PARAMETERS, rel=0.05)
    assert traced["Optstate"] * oracle.GIB == pytest.approx(8 * PARAMETERS, rel=0.05)


@pytest.mark.parametrize(
    ("precision", "weight", "moments"), [("float32", 4, 8), ("bfloat16", 2, 4), ("bfloat16-stochastic", 2, 2)]
)
def test_numbers_are_kept_as_the_precision_says(precision: str, weight: int, moments: int) -> None:
    traced = oracle.trace(replace(job(), precision=precision))["byCategoryGib"]
    assert traced["Parameter"] * oracle.GIB == pytest.approx(weight * PARAMETERS, rel=0.05)
    assert traced["Optstate"] * oracle.GIB == pytest.approx(moments * PARAMETERS, rel=0.05)


def test_packed_rows_have_a_dense_mask_where_the_kernel_is_no_flash_kernel() -> None:
    packed = replace(job(tokens=4096), packed=True)
    masked, flash = oracle.trace(packed)["peakGib"], oracle.trace(replace(packed, attention="flash"))["peakGib"]
    row = packed.microBatch * packed.sequenceTokens
    assert (masked - flash) * oracle.GIB > row * row


def test_accumulated_gradients_wait_for_the_next_pass() -> None:
    once = oracle.trace(job(tokens=1024))["peakGib"]
    assert oracle.trace(replace(job(tokens=1024), accumulates=True))["peakGib"] > once


def test_longer_sequences_need_more() -> None:
    assert oracle.trace(job(tokens=1024))["peakGib"] > oracle.trace(job(tokens=256))["peakGib"]


def test_a_separate_reference_holds_the_weights_twice() -> None:
    alone = oracle.trace(job("dpo", reference="separate"))["byCategoryGib"]["Parameter"]
    # The policy in float32; the reference in bfloat16, but for its embedding.
    assert alone * oracle.GIB == pytest.approx(6 * PARAMETERS + 2 * 8192 * 512, rel=0.05)


def test_precomputed_log_probabilities_need_no_reference() -> None:
    alone = oracle.trace(job("dpo", reference="precomputed"))["byCategoryGib"]["Parameter"]
    assert alone * oracle.GIB == pytest.approx(4 * PARAMETERS, rel=0.05)


def test_answers_of_kto_need_what_as_many_of_dpos_pairs_do() -> None:
    """Two answers beside their reference, as the two of a pair; the passes that only score keep nothing."""
    pair = oracle.trace(replace(job("dpo", reference="separate", tokens=512), microBatch=1))
    answers = oracle.trace(job("kto", reference="separate", tokens=512))
    assert answers["peakGib"] == pytest.approx(pair["peakGib"], rel=0.02)


@pytest.mark.parametrize("reference", ["adapter-off", "precomputed"])
def test_kto_is_traced_with_adapters_and_without_a_reference_in_memory(reference: str) -> None:
    traced = oracle.trace(job("kto", "lora", reference))["byCategoryGib"]
    assert traced["Parameter"] * oracle.GIB == pytest.approx(2 * PARAMETERS, rel=0.2)


def test_tracing_kto_leaves_pytorch_as_it_was() -> None:
    before = torch.nonzero
    oracle.trace(job("kto", reference="precomputed"))
    assert torch.nonzero is before


def test_the_peak_is_that_of_pytorchs_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = oracle.trace(job("dpo", "lora", "adapter-off", tokens=512))
    monkeypatch.delattr(oracle._Tracker, "_update_peak_stats")
    assert oracle.trace(job("dpo", "lora", "adapter-off", tokens=512)) == quick


def test_jobs_have_names_of_their_own() -> None:
    names = [each.name for each in oracle.jobs()]
    assert len(set(names)) == len(names)


def test_adapters_have_small_states() -> None:
    states = oracle.trace(job("dpo", "lora", "adapter-off", tokens=512))["byCategoryGib"].get("Optstate", 0)
    assert states * oracle.GIB < 0.2 * PARAMETERS


@pytest.mark.usefixtures("ranks")
def test_a_rank_holds_its_shard() -> None:
    sharded = oracle.trace(job("sft", shards=4))["byCategoryGib"]
    assert sharded["Optstate"] * oracle.GIB == pytest.approx(2 * PARAMETERS, rel=0.3)


@pytest.mark.usefixtures("ranks")
def test_a_sharded_rank_is_counted() -> None:
    traced = oracle.trace(job("sft", shards=4))
    assert traced["parametersPerRank"] == pytest.approx(PARAMETERS / 4, rel=0.01)
    # Two layers, and embedding, norm and head in one.
    assert traced["units"] == 3
    assert oracle.trace(job())["units"] == 0


RUN = {
    "recipe": {
        "method": "sft",
        "precision": "bfloat16-mixed",
        "model": {"base": "own/model", "attention": "sdpa"},
        "sequence": {"maxLength": 256, "packing": True},
        "trainable": {"kind": "full"},
    },
    "plan": {
        "nodes": 1,
        "generationNodes": 0,
        "gpusPerNode": 1,
        "microBatch": 2,
        "gradientAccumulation": 2,
        "sharding": "none",
        "activationCheckpointing": "full",
    },
    "shape": {
        "layers": 2,
        "hidden": 512,
        "intermediate": 1536,
        "heads": 8,
        "keyValueHeads": 4,
        "headDimension": 64,
        "vocabulary": 8192,
        "tiedEmbeddings": True,
    },
}


def run_with(**changes: object) -> dict[str, Any]:
    run: dict[str, Any] = deepcopy(RUN)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place: Any = run
        for parent in parents:
            place = place[parent]
        place[last] = value
    return run


def test_a_run_of_a_file_is_traced_by_its_shape(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    assert oracle.trace_run(tmp_path / "run.json", tmp_path / "trace.json") == 0
    answer = json.loads((tmp_path / "trace.json").read_text())
    assert answer.keys() == {"peakGib", "parametersPerRank", "units"}
    assert answer["parametersPerRank"] == PARAMETERS
    assert answer["peakGib"] * oracle.GIB > 16 * PARAMETERS


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"recipe__trainable": {"kind": "qlora"}}, "trainable.kind: qlora"),
        ({"plan__sharding": "zero3"}, "sharding: zero3"),
        ({"recipe__model__base": "own/other", "shape": None}, "model.shape: own/other"),
        (
            {"recipe__model__base": "own/experts", "shape__experts": {"total": 8, "active": 2}},
            "model.base: own/experts",
        ),
    ],
)
def test_what_is_not_traced_is_said(
    changes: dict[str, object], field: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.json").write_text(json.dumps(run_with(**changes)))
    assert oracle.trace_run(tmp_path / "run.json", None) == 3
    assert capsys.readouterr().err.startswith(field)


@pytest.mark.parametrize(
    ("recipe", "reference"),
    [
        ({"method": "dpo", "dpo": {"precomputeReferenceLogProbabilities": True}}, "precomputed"),
        ({"method": "kto", "kto": {"precomputeReferenceLogProbabilities": False}}, "separate"),
        ({"method": "grpo", "grpo": {"beta": 0}}, "none"),
        ({"method": "grpo", "grpo": {"beta": 0.1}}, "separate"),
    ],
)
def test_a_runs_reference_is_its_methods(recipe: dict[str, object], reference: str) -> None:
    assert oracle.job_of_run(run_with(recipe={**RUN["recipe"], **recipe})).reference == reference


def test_tracing_leaves_pytorch_as_it_was() -> None:
    before = torch.Tensor.register_hook
    oracle.trace(job("sft", "lora"))
    assert torch.Tensor.register_hook is before


def test_dropout_keeps_a_copy_of_what_adapters_read() -> None:
    def peak(dropout: float) -> float:
        plain = job("sft", "lora", tokens=512)
        return oracle.trace(replace(plain, dropout=dropout, adapterBytes=2))["peakGib"]

    assert peak(0.1) > peak(0.0)


def test_a_trainer_that_has_no_loss_when_it_gathers_metrics_is_an_error() -> None:
    class Early:
        def compute_loss(self, model: object, batch: object) -> torch.Tensor:
            raise oracle._LossIsDone

    with pytest.raises(RuntimeError, match="before it has a loss"):
        oracle._loss(Early(), None, {})


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(ValueError, match="method: ppo is not sft, dpo, kto or grpo"):
        oracle._batch(job("ppo"))
