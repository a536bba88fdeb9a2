"""States are spread, and activations recomputed, as the plan says."""

from __future__ import annotations

from posttraining.contracts.plan import Plan
from posttraining.contracts.rehearsal_report import RehearsalInvariant
from posttraining.plans import processes_per_node
from posttraining.rehearsal.evidence import Attempt
from posttraining.rehearsal.invariants.verdict import verdict

NAME = "states are spread and activations recomputed as planned"


def as_planned(plan: Plan, attempt: Attempt) -> RehearsalInvariant:
    """Processes, sharded weights and recomputed layers."""
    facts, processes, problems = attempt.facts, processes_per_node(plan), []
    if facts["processes"] != processes:
        problems.append(
            f"{facts['processes']} processes train, and the plan has {processes}: see how the job is launched"
        )
    sharded, all_weights = len(facts["sharded"]), len(facts["weightTypes"])
    if plan["sharding"] == "fsdp2" and processes > 1 and sharded < all_weights:
        problems.append(
            f"{all_weights - sharded} of {all_weights} weights are whole in every process: FSDP2 does not wrap them"
        )
    recomputed, wanted = facts["recomputedLayers"], plan["activationCheckpointing"] == "full"
    if wanted and recomputed == 0:
        problems.append(
            "no layer's activations are recomputed, and the plan counts on it: they would not fit into the GPUs' memory"
        )
    if not wanted and recomputed > 0:
        problems.append(
            f"the activations of {recomputed} layers are recomputed, which the plan does not ask for: training is slower"
        )
    seen = f"{processes} process(es), {sharded} of {all_weights} weights sharded, {recomputed} layers recomputed"
    return verdict(
        NAME, problems, seen, {"sharded": sharded, "recomputedLayers": recomputed, "processes": facts["processes"]}
    )
