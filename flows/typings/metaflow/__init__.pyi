"""What the flows use of Metaflow 2.19 and of its extensions for checkpoints and torchrun.

Metaflow ships no types: it makes its decorators, `current`'s properties and the names of its extensions as it is imported.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

from metaflow.metaflow_current import current as current
from metaflow.user_configs.config_parameters import ConfigValue
from metaflow.user_decorators.user_flow_decorator import FlowMutator as FlowMutator

_Function = TypeVar("_Function", bound=Callable[..., None])
_Value = TypeVar("_Value")

class FlowSpec:
    input: Any
    index: int | None
    def next(self, *steps: Callable[..., None] | Mapping[str, Callable[..., None]], **options: Any) -> None: ...

def step(function: _Function) -> _Function: ...
def card(*, type: str = ..., id: str | None = ..., refresh_interval: int = ...) -> Callable[[_Function], _Function]: ...
def retry(*, times: int = ..., minutes_between_retries: int = ...) -> Callable[[_Function], _Function]: ...
def checkpoint(*, load_policy: str = ..., show_card: bool = ...) -> Callable[[_Function], _Function]: ...
def torchrun(*, all_nodes_started_timeout: int = ...) -> Callable[[_Function], _Function]: ...
def Config(
    name: str,
    *,
    default: str | None = ...,
    default_value: str | None = ...,
    parser: Callable[[str], Mapping[str, Any]] | None = ...,
) -> ConfigValue: ...

# In a flow's steps a parameter is its value.
@overload
def Parameter(name: str, *, default: _Value, help: str | None = ...) -> _Value: ...
@overload
def Parameter(name: str, *, required: bool, type: type[_Value], help: str | None = ...) -> _Value: ...

class Checkpoint:
    """Of metaflow-checkpoint."""

    def save(self, path: str, name: str | None = ..., metadata: Mapping[str, Any] | None = ...) -> Any: ...
    def list(self) -> Sequence[dict[str, Any]]: ...
    def load(self, reference: dict[str, Any], path: str | None = ...) -> str: ...

class DataArtifact:
    data: Any

class Task:
    id: str
    pathspec: str
    path_components: Sequence[str]
    def __contains__(self, artifact: str) -> bool: ...
    def __getitem__(self, artifact: str) -> DataArtifact: ...

class Step:
    id: str
    def __iter__(self) -> Iterator[Task]: ...

class Run:
    id: str
    pathspec: str
    end_task: Task | None
    def __init__(self, pathspec: str) -> None: ...
    def __iter__(self) -> Iterator[Step]: ...

def namespace(ns: str | None) -> str | None: ...
