"""Repairs of two Metaflow extensions, at the versions that `uv.lock` pins."""

from __future__ import annotations

import os
from typing import Any

from metaflow.plugins.parallel_decorator import ParallelDecorator
from metaflow.unbounded_foreach import UBF_CONTROL
from metaflow_extensions.obcheckpoint.plugins.machine_learning_utilities.card_utils import CardDecoratorInjector
from metaflow_extensions.obcheckpoint.plugins.machine_learning_utilities.checkpoints.cards.checkpoint_lister import (
    CheckpointListRefresher,
)
from metaflow_extensions.obcheckpoint.plugins.machine_learning_utilities.checkpoints.decorator import (
    CheckpointDecorator,
)
from metaflow_extensions.torchrun.plugins.torchrun_libs.torchrun_decorator import TorchrunDecoratorParallel


def repair_extensions() -> None:
    """Repairs both extensions; calling this again changes nothing."""
    _once(TorchrunDecoratorParallel, "task_pre_step", _call_inherited)
    _once(CheckpointDecorator, "step_init", _attach_no_card_unless_asked)


def _once(decorator: type, name: str, repair: Any) -> None:
    broken = getattr(decorator, name)
    if not getattr(broken, "repaired", False):
        repaired = repair(broken)
        repaired.repaired = True
        setattr(decorator, name, repaired)


def _call_inherited(broken: Any) -> Any:
    """metaflow-torchrun 0.2.2 cannot run several nodes on one machine.

    It overrides `task_pre_step` without calling the inherited one, which since Metaflow 2.12.10 stores the inputs that
    a local control task hands to its workers: `'TorchrunDecoratorParallel' object has no attribute 'input_paths'`. On
    Kubernetes the inputs are not needed, and the repair changes nothing.
    """

    def task_pre_step(
        self: Any, step_name: str, datastore: Any, metadata: Any, run_id: str, task_id: str, flow: Any, *rest: Any
    ) -> None:
        _graph, _retry_count, _retries, ubf_context, _inputs = rest
        # Kubernetes sets this before the task starts; here Metaflow does so after `@checkpoint` has looked for it.
        if ubf_context == UBF_CONTROL:
            os.environ.setdefault("MF_PARALLEL_CONTROL_TASK_ID", str(task_id))
        arguments = (step_name, datastore, metadata, run_id, task_id, flow, *rest)
        ParallelDecorator.task_pre_step(self, *arguments)
        broken(self, *arguments)

    return task_pre_step


def _attach_no_card_unless_asked(broken: Any) -> Any:
    """metaflow-checkpoint 0.2.14 attaches its card even with `show_card=False`: an empty page for each task."""

    def step_init(self: Any, flow: Any, graph: Any, step_name: str, *arguments: Any, **named: Any) -> None:
        if self.attributes["show_card"] is False:
            CardDecoratorInjector._set_first_time_init_cached_value(step_name, CheckpointListRefresher.CARD_ID, False)
        broken(self, flow, graph, step_name, *arguments, **named)

    return step_init
