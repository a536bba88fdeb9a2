"""The steps that the flows of all methods share; each flow is a subclass (`flows/sft/flow.py` and its siblings)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from metaflow import FlowMutator, FlowSpec, card, checkpoint, current, step, torchrun
from metaflow.exception import MetaflowException

from posttraining.cards import REFRESH_SECONDS, draw_result
from posttraining.checks import check_run
from posttraining.contracts.flow_result import FlowResult
from posttraining.contracts.run_document import RunDocument
from posttraining.data.step import examples_of
from posttraining.examples import Examples
from posttraining.gate import judge, measured, outcome, passes, standing
from posttraining.json_values import finite
from posttraining.metaflow_repairs import repair_extensions
from posttraining.placement import arguments_of_every_step, arguments_of_steps_on_gpus
from posttraining.run_document import read_run_document
from posttraining.training import Training, train_as_one_of_several_nodes, train_on_this_node
from posttraining.training_metrics import training_metrics
from posttraining.user import ensure_user

if TYPE_CHECKING:
    from metaflow.user_configs.config_parameters import ConfigValue

    from posttraining.contracts.registration import Registration
    from posttraining.evaluation import Comparison

repair_extensions()
ensure_user()

# Steps that need the planned hardware; the others only read and write files.
_STEPS_ON_GPUS = ("train", "train_on_nodes", "evaluate")


class InvalidRunError(MetaflowException):
    """What `--config run` names is no run document for this flow; Metaflow prints the message without a traceback."""

    headline = "Invalid run document"


def document_for(method: str) -> Callable[[str], RunDocument]:
    """The parser of a flow's `Config` named `run`: a run that cannot work is refused before it starts."""

    def parse(text: str) -> RunDocument:
        try:
            document = read_run_document(text)
            check_run(document, method)
        except ValueError as error:
            raise InvalidRunError(str(error)) from error
        if document["placement"] is None:
            # As the driver starts runs: otherwise each of the processes has as many threads as the machine has cores, which wait
            # for each other wherever something else runs too.
            os.environ.setdefault("OMP_NUM_THREADS", "1")
        return document

    return parse


class placed_by_plan(FlowMutator):
    """Puts each step where the run document says: on Kubernetes with the planned resources, or on this machine."""

    def mutate(self, mutable_flow: Any) -> None:
        """Adds `@kubernetes` and `@retry` to the steps."""
        document: RunDocument = dict(mutable_flow.configs)["run"].to_dict()
        placement = document["placement"]
        for name, mutable_step in mutable_flow.steps:
            if placement is not None:
                if name in _STEPS_ON_GPUS:
                    arguments = arguments_of_steps_on_gpus(placement, document["plan"]["gpusPerNode"])
                else:
                    arguments = arguments_of_every_step(placement)
                mutable_step.add_decorator("kubernetes", deco_kwargs=arguments)
                # A node may be lost or reclaimed, and takes minutes to be replaced.
                mutable_step.add_decorator("retry", deco_kwargs={"times": 3, "minutes_between_retries": 2})
            else:
                mutable_step.add_decorator("retry", deco_kwargs={"times": 1, "minutes_between_retries": 0})


class PostTrainingFlow(FlowSpec):
    """Reads a recipe, trains, evaluates, judges and registers a model.

    A subclass sets `settings`: its Metaflow `Config` named `run`.
    """

    # Artifacts of the run, and what is one only within it.
    settings: ConfigValue
    document: RunDocument
    examples: Examples
    nodes: Literal["one", "several"]
    part: Training | None
    training: Training
    evaluation: Comparison
    result: FlowResult
    registration: Registration

    def chances(self) -> int:
        """How many models the run trains of which it registers one."""
        return 1

    @step
    def start(self) -> None:
        """Keeps the run document, which was checked before the run started."""
        self.document = cast(RunDocument, self.settings.to_dict())
        self.next(self.data)

    @step
    def data(self) -> None:
        """Reads the training examples, so that every attempt and every node trains on the same ones."""
        self.examples = examples_of(self.document)
        self.nodes = "several" if self.document["plan"]["nodes"] > 1 else "one"
        self.next({"one": self.train, "several": self.spread}, condition="nodes")

    @card(type="blank", id="training", refresh_interval=REFRESH_SECONDS)
    @checkpoint(load_policy="none", show_card=False)
    @step
    def train(self) -> None:
        """Trains on one machine: in this process, or in one process for each of its GPUs."""
        self.training = train_on_this_node(self.document, self.examples, current.card["training"])
        self.next(self.evaluate)

    @step
    def spread(self) -> None:
        """Starts one task on each node."""
        self.next(self.train_on_nodes, num_parallel=self.document["plan"]["nodes"])

    @card(type="blank", id="training", refresh_interval=REFRESH_SECONDS)
    @checkpoint(load_policy="none", show_card=False)
    @torchrun(all_nodes_started_timeout=3600)
    @step
    def train_on_nodes(self) -> None:
        """Trains on several machines that torchrun joins to one group of processes."""
        self.part = train_as_one_of_several_nodes(self.document, self.examples, current.card["training"])
        self.next(self.gather)

    @step
    def gather(self, inputs: Any) -> None:
        """Keeps what the first node reports."""
        first = next(task for task in inputs if task.part is not None)
        self.document, self.examples, self.training = first.document, first.examples, first.part
        self.next(self.evaluate)

    @step
    def evaluate(self) -> None:
        """Evaluates the trained model, and the base model unless its registered metrics can be reused."""
        from posttraining.evaluation import compare_with_base
        from posttraining.registration_checks import require_registrable

        require_registrable(self.training["finished"]["problems"], self.training["modelUri"])
        self.evaluation = compare_with_base(
            self.document["recipe"], self.document["plan"], self.training["modelUri"], self.training["baseModelUri"]
        )
        self.next(self.gate)

    @step
    def gate(self) -> None:
        """Judges whether the model may be promoted."""
        recipe = self.document["recipe"]
        metrics = self.evaluation["metrics"] | training_metrics(recipe, self.training["history"])
        headline = recipe["evaluation"]["headline"]
        judged = judge(recipe["gate"], metrics, self.evaluation["samples"], self.chances())
        result: FlowResult = {
            "modelUri": self.training["modelUri"],
            "promoted": passes(judged),
            "gate": judged,
            "metrics": metrics,
            "headline": {**measured(headline, metrics), "metric": headline},
            "seconds": {"train": self.training["seconds"], "evaluate": self.evaluation["seconds"]},
            "baseModelUri": self.training["baseModelUri"],
        }
        # JSON has no words for what is not a number.
        self.result = finite(result)
        print(outcome(self.result["gate"]), flush=True)
        self.next(self.register)

    @step
    def register(self) -> None:
        """Records what the model came from, and promotes it if it passed its gate."""
        from posttraining.registry import register_model

        # Kept with the run: the registry can be restored from it.
        self.registration = register_model(
            self.document,
            self.result,
            self.training["finished"],
            examples=self.examples,
            evaluation=self.evaluation["fingerprints"],
            pathspec=f"{current.flow_name}/{current.run_id}",
            flow_file=Path(sys.argv[0]).resolve(),
        )
        print(standing(self.result["promoted"], self.result["modelUri"]), flush=True)
        self.next(self.end)

    @card(type="blank", id="result")
    @step
    def end(self) -> None:
        """Shows the result."""
        draw_result(current.card["result"], self.document["recipe"], self.result)
