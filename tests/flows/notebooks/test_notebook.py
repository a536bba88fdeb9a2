"""The notebook on a model that was really trained and promoted."""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from posttraining.contracts.recipe import DurationInSteps, Evaluation, GateCondition
from posttraining.plans import plan_for_this_machine
from posttraining.run_document import RECIPES, read_run_document

NOTEBOOK = Path(__file__).resolve().parents[3] / "flows" / "notebooks" / "promoted_model.ipynb"


@pytest.fixture(scope="module")
def models_root(metaflow_home: Any) -> str:
    """Root with one promoted model, `short`, trained for a few steps."""
    document = read_run_document((RECIPES / "sft-tiny.yaml").read_text())
    recipe = document["recipe"]
    recipe["duration"] = DurationInSteps(steps=30)
    recipe["evaluation"] = Evaluation(tasks=["tiny_sums"], limit=20, batchSize=20, headline="train/loss")
    recipe["gate"] = [GateCondition(metric="train/loss", maximum=3)]
    root = f"file://{metaflow_home.folder.as_posix().replace(' ', '%20')}/models"
    plan = plan_for_this_machine(recipe, gpus=0)
    metaflow_home.run_flow("sft", configuration={**document, "plan": plan, "modelsRoot": root, "name": "short"})
    return root


class _Endpoint(BaseHTTPRequestHandler):
    """A double for an OpenAI-compatible server; the engine tests ask a real one."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers["authorization"] != "Bearer the key":
            self.send_error(401)
            return
        content = f"{asked['model']} was asked {asked['messages'][0]['content']}"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"choices": [{"message": {"content": content}}]}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def _execute(home: Any, **variables: str) -> str:
    script = (
        "import sys, nbformat; from nbclient import NotebookClient;"
        "notebook = nbformat.read(sys.argv[1], as_version=4);"
        "NotebookClient(notebook, timeout=300, kernel_name='python3').execute();"
        "outputs = [o for c in notebook.cells for o in c.get('outputs', [])];"
        "print(''.join(o.get('text', '') for o in outputs));"
        "print('pictures:', sum('image/png' in o.get('data', {}) for o in outputs))"
    )
    folders = {name: str(home.folder / "jupyter") for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR")}
    environment = home.environment | folders | variables
    return home.run_command([sys.executable, "-c", script, NOTEBOOK], environment, home.folder)


def test_shows_the_promoted_model_by_lineage_and_by_endpoint(metaflow_home: Any, models_root: str):
    server = HTTPServer(("127.0.0.1", 0), _Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/v1"
        variables = {"ENDPOINT_URL": url, "OPENAI_API_KEY": "the key"}
        printed = _execute(metaflow_home, MODELS_ROOT=models_root, MODEL_NAME="short", **variables)
    finally:
        server.shutdown()
        server.server_close()
    assert "recipe: sft-tiny | run: SftFlow/" in printed
    assert "train/loss: " in printed
    assert "in 30 steps" in printed
    assert "pictures: 1" in printed
    assert "weights: " in printed
    assert "endpoint: short was asked What is 3 plus 4?" in printed


def test_says_that_no_endpoint_was_asked(metaflow_home: Any, models_root: str):
    os.environ.pop("ENDPOINT_URL", None)
    printed = _execute(metaflow_home, MODELS_ROOT=models_root, MODEL_NAME="short")
    assert "endpoint: not asked, ENDPOINT_URL is not set" in printed


def test_the_committed_notebook_has_no_outputs():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert all(not cell.get("outputs") for cell in cells)
