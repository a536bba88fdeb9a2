"""The model server for machines without vLLM answers only those who know its key."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from serving.transformers_server import RequiresKey, require_key, serve_as


class Application:
    """An application that says which paths reached it."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.middleware: list[tuple[Callable[..., Any], dict[str, Any]]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append(scope.get("path", scope["type"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})

    def add_middleware(self, kind: Callable[..., Any], **options: Any) -> None:
        self.middleware.append((kind, options))


def status_of(application: Any, path: str, headers: list[tuple[bytes, bytes]], kind: str = "http") -> int:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {}

    asyncio.run(application({"type": kind, "path": path, "headers": headers}, receive, send))
    return sent[0]["status"]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"Bearer other")],
        [(b"authorization", b"secret")],
        [(b"authorization", b"Bearer secret2")],
        [(b"authorization", b"")],
        [(b"x-api-key", b"secret")],
    ],
)
def test_a_request_without_the_key_reaches_nothing(headers: list[tuple[bytes, bytes]]) -> None:
    behind = Application()
    assert status_of(RequiresKey(behind, "secret"), "/v1/chat/completions", headers) == 401
    assert status_of(RequiresKey(behind, "secret"), "/load_model", headers) == 401
    assert behind.reached == []


def test_a_request_with_the_key_passes_and_so_does_the_question_whether_it_is_up() -> None:
    behind = Application()
    guarded = RequiresKey(behind, "secret")
    assert status_of(guarded, "/v1/chat/completions", [(b"authorization", b"Bearer secret")]) == 200
    assert status_of(guarded, "/health", []) == 200
    assert status_of(guarded, "", [], kind="lifespan") == 200
    assert behind.reached == ["/v1/chat/completions", "/health", ""]


def test_every_application_that_the_library_builds_asks_for_the_key() -> None:
    library = SimpleNamespace(build_server=lambda *_, **__: Application())
    require_key(library, "secret")
    assert library.build_server("models", enable_cors=True).middleware == [(RequiresKey, {"key": "secret"})]


def test_the_model_is_known_by_its_name_and_by_nothing_else() -> None:
    class Handler:
        model_manager = SimpleNamespace(force_model="/a/folder")

        def _resolve_model(self, body: dict[str, Any]) -> str:
            return body["model"]

    serve_as(Handler, "grpo")
    assert Handler()._resolve_model({"model": "grpo"}) == "/a/folder"
    assert Handler()._resolve_model({"model": "other"}) == "other"
