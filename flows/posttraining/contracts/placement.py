"""Types of contracts/index.ts's `placement`; `npm run contracts` writes this file."""

from typing import Literal, NotRequired, TypedDict


class Toleration(TypedDict):
    """A taint of nodes that a pod tolerates."""

    key: NotRequired[str]
    """The taint's key; left out: every key."""
    operator: Literal["Equal", "Exists"]
    """`Exists` takes every value."""
    value: NotRequired[str]
    """The taint's value."""
    effect: NotRequired[Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]]
    """Left out: every effect."""


class Placement(TypedDict):
    """Where a run's pods go, for Metaflow's `@kubernetes`."""

    image: str
    """Container image of every step."""
    imagePullPolicy: NotRequired[Literal["Always", "IfNotPresent", "Never"]]
    """Left out: Kubernetes' default."""
    imagePullSecrets: list[str]
    """Secrets with which the image is pulled."""
    namespace: str
    """Namespace of every step's pod."""
    serviceAccount: str
    """Service account of every step's pod."""
    secrets: list[str]
    """Secrets whose entries are environment variables of every step."""
    labels: dict[str, str]
    """Labels of every step's pod, such as the queue that admits it."""
    annotations: dict[str, str]
    """Annotations of every step's pod."""
    nodeSelector: dict[str, str]
    """Labels of the nodes that train and evaluate."""
    tolerations: list[Toleration]
    """Taints of the nodes that train and evaluate."""
    cpu: float
    """Cores of a pod that trains or evaluates."""
    memory: int
    """Memory of such a pod in MB."""
    disk: int
    """Ephemeral storage of such a pod in MB."""
    extendedResources: dict[str, str]
    """Resources of such a pod beyond GPUs, such as network interfaces: `vpc.amazonaws.com/efa`."""
    sharedMemory: NotRequired[int]
    """`/dev/shm` of such a pod in MiB: NCCL and data loaders; left out: the container runtime's 64 MiB."""
