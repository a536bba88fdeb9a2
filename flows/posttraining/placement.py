"""Where the steps of a run go: a placement in the words of Metaflow's `@kubernetes`."""

from __future__ import annotations

from typing import Any

from posttraining.contracts.placement import Placement


def arguments_of_every_step(placement: Placement) -> dict[str, Any]:
    """Arguments of `@kubernetes` for steps that only read and write files: image and identity."""
    arguments: dict[str, Any] = {
        "image": placement["image"],
        "image_pull_secrets": placement["imagePullSecrets"],
        "namespace": placement["namespace"],
        "service_account": placement["serviceAccount"],
        "secrets": placement["secrets"],
        "labels": placement["labels"],
        "annotations": placement["annotations"],
    }
    if "imagePullPolicy" in placement:
        arguments["image_pull_policy"] = placement["imagePullPolicy"]
    return arguments


def arguments_of_steps_on_gpus(placement: Placement, gpus: int) -> dict[str, Any]:
    """Arguments of `@kubernetes` for steps that train or evaluate.

    Args:
        placement: the run's.
        gpus: GPUs of each pod, as many as the plan's nodes have.
    """
    arguments = arguments_of_every_step(placement) | {
        "cpu": placement["cpu"],
        "memory": placement["memory"],
        "disk": placement["disk"],
        "node_selector": placement["nodeSelector"],
        "tolerations": placement["tolerations"],
        "extended_resources": placement["extendedResources"],
    }
    if gpus > 0:
        arguments["gpu"] = gpus
    if "sharedMemory" in placement:
        arguments["shared_memory"] = placement["sharedMemory"]
    return arguments
