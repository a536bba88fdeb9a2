"""Number formats of a training, and the mends of libraries that keep them."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from recipes import plan, recipe, run_document

from posttraining.checks import check_run
from posttraining.recipe import RecipeError
from posttraining.trainers.precision import mend_sharded_casts, numbers_of, round_weights


def mixed_plugin() -> Any:
    from accelerate.utils import FullyShardedDataParallelPlugin

    plugin = FullyShardedDataParallelPlugin(fsdp_version=2)
    plugin.set_mixed_precision("bf16")
    return plugin


def test_sharded_gradients_are_summed_and_log_probabilities_returned_in_float32():
    chosen = recipe(precision="bfloat16-mixed")
    plugin = mixed_plugin()
    numbers = numbers_of(chosen, plan(chosen, sharding="fsdp2"))
    mend_sharded_casts(SimpleNamespace(state=SimpleNamespace(fsdp_plugin=plugin)), numbers)
    policy = plugin.mixed_precision_policy
    assert (policy.param_dtype, policy.reduce_dtype) == (torch.bfloat16, torch.float32)
    # What a unit returns keeps its type: TRL's head returns float32.
    assert policy.output_dtype is None


def test_accelerate_still_needs_the_mend():
    policy = mixed_plugin().mixed_precision_policy
    assert (policy.reduce_dtype, policy.output_dtype) == (torch.bfloat16, torch.bfloat16)


@pytest.mark.parametrize(("precision", "saved"), [("bfloat16-mixed", torch.bfloat16), ("float32", torch.float32)])
def test_finished_weights_are_rounded_once(precision: str, saved: torch.dtype):
    chosen = recipe(precision=precision)
    model = torch.nn.Linear(2, 2)
    round_weights(SimpleNamespace(model=model), numbers_of(chosen, plan(chosen)))
    assert model.weight.dtype == saved


def test_stochastic_rounding_is_refused_over_shards():
    chosen = recipe(precision="bfloat16-stochastic", optimizer={"name": "adamw_torch_8bit", "learningRate": 1e-3})
    with pytest.raises(RecipeError, match="cannot step over FSDP2's shards"):
        check_run(run_document(chosen, plan(chosen, sharding="fsdp2", gpusPerNode=2)), "sft")
