"""Lets the tests of this folder import `recipes`."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))


class Hub:
    """Stands in for the model hub: answers as it is told, and everything else as what is not there."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.refusal: tuple[int, str] = (404, "RepoNotFound")

    def refuse(self, status: int, code: str) -> None:
        """How everything that has no answer is refused."""
        self.refusal = (status, code)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub that huggingface_hub asks, with nothing in it."""
    from huggingface_hub import constants

    answered = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answered.answers.get(self.path.partition("?")[0])
            status, code = (200, "") if found is not None else answered.refusal
            body = json.dumps(found if found is not None else {"error": code}).encode()
            self.send_response(status)
            if code:
                self.send_header("x-error-code", code)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *_: object) -> None:
            """Keeps quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield answered
    server.shutdown()
