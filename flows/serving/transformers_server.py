"""`transformers serve`, under a name of the model's own and for those only who know the key.

`POSTTRAINING_MODEL_NAME=... POSTTRAINING_ENDPOINT_KEY=... python -m serving.transformers_server serve MODEL --host HOST
--port PORT`: the command line of `transformers`, whose server asks nobody for a key, and knows a model in a folder by its path
alone: any other name is refused (transformers 5.17, cli/serving/server.py and utils.py, `_resolve_model`). Without a variable
that part is as it was.
"""

from __future__ import annotations

import hmac
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

KEY_VARIABLE = "POSTTRAINING_ENDPOINT_KEY"
NAME_VARIABLE = "POSTTRAINING_MODEL_NAME"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

# Whether the server is up is nobody's secret, and what starts it asks before it knows of models.
_OPEN_PATHS = ("/health",)


class RequiresKey:
    """An ASGI application (https://asgi.readthedocs.io) before another: what comes without the key gets status 401."""

    def __init__(self, app: Application, key: str) -> None:
        self._app = app
        self._expected = f"Bearer {key}".encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers it."""
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS or self._is_known(scope):
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"www-authenticate", b"Bearer")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"error":"Unauthorized"}'})

    def _is_known(self, scope: Message) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"")
        return hmac.compare_digest(given, self._expected)


def require_key(server_module: Any, key: str) -> None:
    """Has the applications that the module's `build_server` makes ask for the key."""
    build = server_module.build_server

    def build_with_key(*arguments: Any, **named: Any) -> Any:
        app = build(*arguments, **named)
        app.add_middleware(RequiresKey, key=key)
        return app

    server_module.build_server = build_with_key


def serve_as(handler: Any, name: str) -> None:
    """Has the handlers of a class know the model that they are pinned to by this name too."""
    resolve = handler._resolve_model

    def resolve_name(self: Any, body: dict[str, Any]) -> Any:
        if body.get("model") == name:
            body["model"] = self.model_manager.force_model
        return resolve(self, body)

    handler._resolve_model = resolve_name


def main() -> None:
    """Runs the command line of `transformers`."""
    from transformers.cli.serving import server, utils

    # Not for what the server may start.
    key, name = os.environ.pop(KEY_VARIABLE, ""), os.environ.pop(NAME_VARIABLE, "")
    if key:
        require_key(server, key)
    if name:
        serve_as(utils.BaseHandler, name)
    from transformers.cli.transformers import main as run

    run()


if __name__ == "__main__":
    sys.exit(main())
