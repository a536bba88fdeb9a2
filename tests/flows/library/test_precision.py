"""Number formats of a training, and the mends of libraries that keep them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from posttraining.checks import check_run
from posttraining.recipe import RecipeError
from posttraining.trainers.precision import mend_sharded_casts, numbers_of, round_weights
from recipes import plan, recipe, run_document


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


@pytest.fixture
def one_process(tmp_path: Path) -> Any:
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


class Scores(torch.nn.Module):
    """Computes in its weights' type, and returns log-probabilities in float32, as TRL's head does."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.head = torch.nn.Linear(16, 64)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.head(hidden).float().log_softmax(-1)


@pytest.mark.usefixtures("one_process")
def test_sharded_log_probabilities_come_out_in_float32_only_by_the_mend():
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    chosen = recipe(precision="bfloat16-mixed")
    plugin, hidden = mixed_plugin(), torch.randn(8, 16)
    expected = Scores()(hidden).detach()

    def error(policy: Any) -> tuple[torch.dtype, float]:
        model: Any = fully_shard(Scores(), mesh=init_device_mesh("cpu", (1,)), mp_policy=policy)
        with torch.no_grad():
            found = model(hidden)
        return found.dtype, float((found.float() - expected).abs().mean())

    rounded, lost = error(plugin.mixed_precision_policy)
    mend_sharded_casts(
        SimpleNamespace(state=SimpleNamespace(fsdp_plugin=plugin)),
        numbers_of(chosen, plan(chosen, sharding="fsdp2")),
    )
    kept, left = error(plugin.mixed_precision_policy)
    assert (rounded, kept) == (torch.bfloat16, torch.float32)
    # What arithmetic in bfloat16 leaves is less than what rounding the result itself costs.
    assert left < 0.5 * lost
