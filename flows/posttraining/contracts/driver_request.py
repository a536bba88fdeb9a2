"""Types of contracts/index.ts's `driver_request`; `npm run contracts` writes this file."""

from typing import Literal, TypeAlias, TypedDict

from .flow_result import FlowResult
from .run_document import RunDocument


class LocalOrchestratorRequest(TypedDict):
    """Runs are processes of this machine."""

    kind: Literal["local"]
    runsDirectory: str
    """Folder that holds one folder per run."""
    environment: dict[str, str]
    """`METAFLOW_*` and `AWS_*` variables of the run's processes. Values may be secrets; no message shows one."""


class ArgoWorkflowsOrchestratorRequest(TypedDict):
    """Runs are workflows of Argo on the stack's cluster."""

    kind: Literal["argo-workflows"]
    namespace: str
    """Kubernetes namespace of the workflows."""
    serviceAccount: str
    """Service account of the workflows' pods."""
    environment: dict[str, str]
    """`METAFLOW_*` and `AWS_*` variables of the run's processes. Values may be secrets; no message shows one."""


class OuterboundsOrchestratorRequest(TypedDict):
    """Runs are those of an Outerbounds deployment."""

    kind: Literal["outerbounds"]
    domain: str
    """Domain of the Outerbounds deployment."""
    perimeter: str
    """Perimeter that runs belong to."""
    computePools: list[str]
    """Compute pools that steps may use."""
    environment: dict[str, str]
    """`METAFLOW_*` and `AWS_*` variables of the run's processes. Values may be secrets; no message shows one."""


MethodName: TypeAlias = Literal["sft", "dpo", "grpo", "kto"]
"""How a model is trained."""


OrchestratorRequest: TypeAlias = (
    LocalOrchestratorRequest | ArgoWorkflowsOrchestratorRequest | OuterboundsOrchestratorRequest
)
"""What starts and watches runs, and with which environment."""


class KeyRequest(TypedDict):
    """What needs nothing but the run's key."""

    operation: Literal["watch", "describe", "stop", "delete"]
    """Follow it to its end, say how it stands, end it, or end it and remove its record."""
    orchestrator: OrchestratorRequest
    key: str
    """Name of the run, stable for stack, deployment and content hash; safe as a folder name."""


class StopAllRequest(TypedDict):
    """Ends every live run."""

    operation: Literal["stop-all"]
    orchestrator: OrchestratorRequest


class KnownRun(TypedDict):
    """How a finished run ended, as the caller knows it."""

    status: Literal["succeeded", "rejected"]
    """How the run ended."""
    runId: str | None
    """Metaflow's id of the run."""
    pathspec: str
    """Metaflow's name of the run: without it nothing of the run can be found again."""
    startedAt: str | None
    """ISO 8601, UTC."""
    finishedAt: str | None
    """ISO 8601, UTC."""
    result: FlowResult


class StartRequest(TypedDict):
    """Starts the run with a key, or finds it."""

    operation: Literal["start"]
    orchestrator: OrchestratorRequest
    key: str
    """Name of the run, stable for stack, deployment and content hash; safe as a folder name."""
    flow: MethodName
    """Flow folder below `flows/`."""
    flowFile: str | None
    """The flow; null: `flows/<flow>/flow.py`."""
    run: RunDocument
    insteadOf: str | None
    """A finished run with this run id is run again, since its model is lost; null: none is."""


class RepairRequest(TypedDict):
    """Writes anew what is lost of a finished run whose model is there."""

    operation: Literal["repair"]
    orchestrator: OrchestratorRequest
    key: str
    """Name of the run, stable for stack, deployment and content hash; safe as a folder name."""
    run: RunDocument
    known: KnownRun


DriverRequest: TypeAlias = StartRequest | KeyRequest | RepairRequest | StopAllRequest
"""What the driver reads from standard input."""
