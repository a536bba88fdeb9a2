"""A flow on a fresh checkout, by uv alone: what the README of each method begins with."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
UV_RUN = ["uv", "run", "--group", "train", "--group", "evaluate"]
# Where this machine gets packages from and keeps them; nothing that says how a flow runs.
WAYS_TO_PACKAGES = (
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_FIND_LINKS",
    "UV_CONFIG_FILE",
    "SSL_CERT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
)

RECIPE = """
name: sft-checkout
description: Two steps, to see that it runs.
method: sft
model: {base: "tiny:llama"}
dataset: {source: "tiny:sums", examples: 64, meanTokens: 24}
sequence: {maxLength: 64}
trainable: {kind: full}
precision: float32
optimizer: {learningRate: 2e-3}
batch: {global: 16}
duration: {steps: 2}
evaluation: {tasks: [tiny_sums], batchSize: 8, limit: 8, headline: tiny_sums/number}
gate: [{metric: tiny_sums/number, minimum: 0}]
"""


def uv() -> Path:
    """The uv that the set-up has installed, or the machine's."""
    found = shutil.which("uv", path=f"{CHECKOUT / '.posttraining' / 'tools'}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.fail(
            "This test needs uv: it is neither in .posttraining/tools nor on PATH. `npm run bootstrap` installs it."
        )
    return Path(found)


def clone(folder: Path) -> Path:
    """The repository as it is once what is changed here is committed; from an archive without a repository, its files."""
    if not (CHECKOUT / ".git").exists():
        ignored = [line.strip("/") for line in (CHECKOUT / ".gitignore").read_text().splitlines() if line]
        shutil.copytree(CHECKOUT / "flows", folder / "flows", ignore=shutil.ignore_patterns(*ignored))
        return folder
    # git takes a repository of another user only if told so in a file.
    configuration = folder.with_suffix(".gitconfig")
    configuration.write_text("[safe]\n\tdirectory = *\n")
    environment = dict(os.environ) | {"GIT_CONFIG_GLOBAL": str(configuration)}

    def git(*arguments: str | Path) -> str:
        return subprocess.run(
            ["git", *map(str, arguments)], env=environment, check=True, capture_output=True, text=True
        ).stdout

    git("clone", "--quiet", CHECKOUT, folder)
    listed = git("-C", CHECKOUT, "ls-files", "-z", "--modified", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        here, there = CHECKOUT / name, folder / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if here.exists():
            shutil.copyfile(here, there)
        else:
            there.unlink(missing_ok=True)
    return folder


@dataclass(frozen=True)
class FreshCheckout:
    """A checkout on which nothing was set up, and the variables that a shell has at least."""

    flows: Path
    environment: dict[str, str]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> FreshCheckout:
    folder = tmp_path_factory.mktemp("fresh checkout")
    home = folder / "home"
    home.mkdir()
    command = uv()
    cache = Path(subprocess.run([command, "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip())
    environment = {name: value for name, value in os.environ.items() if name.upper().startswith(WAYS_TO_PACKAGES)}
    environment |= {
        "PATH": os.pathsep.join([str(command.parent), str(Path(sys.base_prefix) / "bin"), os.defpath]),
        "HOME": str(home),
        "UV_CACHE_DIR": str(cache),
    }
    if cache.exists() and cache.stat().st_dev != folder.stat().st_dev:
        # No hard links from one disk to another, and copies would be 5 GB.
        environment["UV_LINK_MODE"] = "symlink"
    return FreshCheckout(clone(folder / "a clone") / "flows", environment)


def test_a_flow_runs_by_uv_alone_and_its_code_package_holds_the_library(checkout, run_command, tmp_path: Path):
    flows, environment = checkout.flows, checkout.environment
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    flow = [*UV_RUN, "sft/flow.py", "--config", "run", recipe]
    output = run_command([*flow, "run", "--run-id-file", tmp_path / "run"], environment, flows)
    assert "Done!" in output
    run = (tmp_path / "run").read_text()
    # Everything that the run leaves is in the folder of the checkout that git ignores.
    assert (flows / ".metaflow" / "models" / "sft-checkout" / run / "model.safetensors").exists()
    assert not (Path(environment["HOME"]) / ".metaflow").exists()
    assert not (Path(environment["HOME"]) / ".cache" / "huggingface").exists()

    run_command([*flow, "package", "save", tmp_path / "job.tar"], environment, flows)
    pod = tmp_path / "pod"
    shutil.unpack_archive(tmp_path / "job.tar", pod, "tar")
    library = pod / ".mf_code" / "posttraining"
    assert _files(library) == _files(flows / "posttraining")
    _runs_a_step_as_a_pod(pod, flows / ".metaflow", run, environment, run_command)


def _files(library: Path) -> dict[str, bytes]:
    """What the library consists of: modules, tasks, templates, schemas."""
    found = {
        str(file.relative_to(library)): file.read_bytes()
        for file in library.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {Path(name).suffix for name in found} >= {".py", ".json", ".yaml", ".jinja"}
    return found


def _runs_a_step_as_a_pod(pod: Path, metaflow: Path, run: str, environment: dict[str, str], run_command) -> None:
    """Runs step `gate` anew from the package, by an interpreter that has the packages but not the library."""
    variables = environment | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": str(pod / ".mf_code"),
        "METAFLOW_EXTRACTED_ROOT": str(pod),
        "METAFLOW_FLOW_CONFIG_VALUE": json.dumps({"run": "kv.run"}),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(metaflow.parent),
        "METAFLOW_USER": "somebody",
    }
    isolated = [sys.executable, "-I", "-c", "import posttraining"]
    assert "No module named 'posttraining'" in run_command(isolated, environment, pod, status=1)
    located = run_command([sys.executable, "-c", "import posttraining; print(posttraining.__file__)"], variables, pod)
    assert located.strip() == str(pod / ".mf_code" / "posttraining" / "__init__.py")
    before, task = f"{run}/evaluate/4", "99"
    step = ["step", "gate", "--run-id", run, "--task-id", task, "--input-paths", before]
    run_command([sys.executable, "flow.py", "--no-pylint", *step], variables, pod)
    assert (metaflow / "SftFlow" / run / "gate" / task / "0.DONE.lock").exists()
