"""The endpoint of a rehearsal: the server that a local stack starts, on what the run registered."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from posttraining.contracts.recipe import Recipe
from posttraining.driver.environment import with_direct_loopback, without_foreign_variables
from posttraining.rehearsal.flow_run import FLOWS, mark_of

NAME = "rehearsed"
ADAPTER_NAMES = ("adapter-one", "adapter-two")


class Endpoint:
    """A server on this machine; its command is that of provider/modelServerCommand.ts."""

    def __init__(self, python: Path, model: Path, adapters: dict[str, Path], recipe: Recipe, folder: Path) -> None:
        self.engine = "vllm" if _has_package(python, "vllm") else "transformers"
        self._log = folder / "endpoint.log"
        self._url = f"http://127.0.0.1:{(port := _free_port())}"
        # A Unix socket's path may have 107 characters at most.
        self._temporary = tempfile.TemporaryDirectory(prefix="rehearsal-")
        command = command_of(self.engine, python, model, adapters, recipe, port)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=_environment(folder / "endpoint-cache", self._temporary.name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, seconds: float) -> str | None:
        """Waits until it is up; returns what is wrong where it does not come up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return f"the server ended with status {self._process.returncode}; it said last:\n{self._last_lines()}"
            try:
                with urlopen(f"{self._url}/health", timeout=5):
                    return None
            except (URLError, OSError):
                time.sleep(0.3)
        return f"the server did not come up within {seconds:.0f} s; it said last:\n{self._last_lines()}"

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Posts a request. Raises RuntimeError with what the server said where it refuses."""
        request = Request(f"{self._url}{path}", json.dumps(body).encode(), {"content-type": "application/json"})
        try:
            with urlopen(request, timeout=120) as answer:
                return json.loads(answer.read())
        except URLError as error:
            said = error.read().decode(errors="replace")[:500] if hasattr(error, "read") else str(error)  # pyright: ignore[reportAttributeAccessIssue]
            raise RuntimeError(f"{path} was refused: {said}") from error

    def stop(self) -> None:
        """Ends it and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._temporary.cleanup()

    def _last_lines(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


def command_of(
    engine: str, python: Path, model: Path, adapters: dict[str, Path], recipe: Recipe, port: int
) -> list[str]:
    """Command line of a server, without its environment."""
    place = ["--host", "127.0.0.1", "--port", str(port)]
    if engine == "transformers":
        server = [str(python), "-m", "serving.transformers_server", "serve", str(model)]
        return [
            *server,
            *place,
            "--dtype",
            "float32",
            "--device",
            "cpu",
            *_template_option("--chat-template-kwargs", recipe),
        ]
    command = [str(python), "-m", "vllm.entrypoints.openai.api_server", *place]
    command += ["--model", str(model), "--served-model-name", NAME]
    command += ["--dtype", "float32", "--max-num-seqs", "8", "--enforce-eager", "--max-model-len", "-1"]
    command += _template_option("--default-chat-template-kwargs", recipe)
    if adapters:
        rank = recipe["trainable"].get("rank", 8)
        command += ["--enable-lora", "--max-lora-rank", str(lora_rank(rank)), "--max-loras", str(len(adapters))]
        command += ["--lora-modules", *(f"{name}={folder}" for name, folder in adapters.items())]
        # An adapter's own template: its base may have none, and vLLM asks in the base's.
        template = next(iter(adapters.values())) / "chat_template.jinja"
        command += ["--chat-template", str(template)] if template.is_file() else []
    return command


def _template_option(name: str, recipe: Recipe) -> list[str]:
    arguments = recipe["model"].get("chatTemplateArguments")
    return [name, json.dumps(arguments)] if arguments else []


def lora_rank(rank: int) -> int:
    """The least of the ranks that vLLM 0.31 accepts that is as large as the adapter's."""
    return next((known for known in (8, 16, 32, 64, 128, 256, 320, 512) if known >= rank), 512)


def _environment(cache: Path, temporary: str) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in without_foreign_variables(os.environ).items()
        if not name.startswith(("VLLM_", "HF_", "TRANSFORMERS_", "TORCH", "GLOO_", "NCCL_"))
    }
    return (
        inherited
        | with_direct_loopback(inherited)
        | mark_of(os.environ)
        | {
            "HOME": str(cache / "home"),
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(cache / "huggingface"),
            "XDG_CACHE_HOME": str(cache),
            "XDG_CONFIG_HOME": str(cache / "config"),
            "TMPDIR": temporary,
            "OMP_NUM_THREADS": "1",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": str(FLOWS),
            "POSTTRAINING_MODEL_NAME": NAME,
            "VLLM_HOST_IP": "127.0.0.1",
            "GLOO_SOCKET_IFNAME": "lo",
            "VLLM_CACHE_ROOT": str(cache / "vllm"),
            "VLLM_NO_USAGE_STATS": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "TORCH_COMPILE_DISABLE": "1",
        }
    )


def _has_package(python: Path, name: str) -> bool:
    return any(python.parent.parent.glob(f"lib/python*/site-packages/{name}"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
