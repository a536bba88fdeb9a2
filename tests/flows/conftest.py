"""What tests of several folders share: commands run to their end, Metaflow homes, an object store."""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FLOWS = CHECKOUT / "flows"

# A limit for hangs, not an expectation: nothing takes this long on a machine that works.
PATIENCE_SECONDS = 480.0

RunCommand = Callable[..., str]


@pytest.fixture(scope="session")
def run_command() -> RunCommand:
    """Runs a command to its end and returns what it printed.

    The command has a session of its own, which is killed with all that is in it when the command ends or hangs. A status other
    than `status` fails the test and shows the output.
    """

    def run(command: list[str | Path], environment: Mapping[str, str], cwd: Path, status: int = 0) -> str:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            kill_session(process)
            output, _ = process.communicate()
            pytest.fail(f"the command did not end within {PATIENCE_SECONDS:.0f} s; it printed\n{output}")
        finally:
            kill_session(process)
        assert process.returncode == status, output
        return output

    return run


def kill_session(process: subprocess.Popen[Any]) -> None:
    """Kills everything in the session that the process was started with."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Environment of a process that uses the library, without Metaflow."""
    return _process_environment()


@dataclass(frozen=True)
class MetaflowHome:
    """A folder with everything that Metaflow keeps, and the environment that points Metaflow at it."""

    folder: Path
    environment: dict[str, str]
    run_command: RunCommand

    def run_flow(
        self,
        flow: str,
        *arguments: str | Path,
        configuration: Mapping[str, Any] | None = None,
        options: Sequence[str] = (),
        **named: Any,
    ) -> str:
        """Runs `flows/<flow>/flow.py run` to its end and returns its output.

        `configuration` becomes the flow's config `run`; `options` go before `run`, `arguments` after it.
        """
        options = ["--no-pylint", *options]
        if configuration is not None:
            file = self.folder / "run.json"
            file.write_text(json.dumps(configuration))
            options += ["--config", "run", str(file)]
        command = [sys.executable, FLOWS / flow / "flow.py", *options, "run", *arguments]
        return self.run_command(command, self.environment, self.folder, **named)

    def artifacts(self, flow_name: str, *names: str) -> dict[str, Any]:
        """Artifacts of the newest run's end step: those that are plain JSON, by Metaflow's client in a process of its own."""
        script = (
            "import json, sys, metaflow; metaflow.namespace(None);"
            "task = metaflow.Flow(sys.argv[1]).latest_run.end_task;"
            "print('ARTIFACTS', json.dumps({name: task[name].data for name in sys.argv[2:]}))"
        )
        output = self.run_command([sys.executable, "-c", script, flow_name, *names], self.environment, self.folder)
        return json.loads(output.split("ARTIFACTS ", 1)[1])

    def cards(self, flow_name: str) -> dict[str, str]:
        """Contents of the newest run's cards by `<step>-<id>`: the data in them, which the page holds in base 64."""
        script = (
            "import sys, metaflow; from pathlib import Path; from posttraining.driver.results import write_cards;"
            "run = metaflow.namespace(None) or metaflow.Flow(sys.argv[1]).latest_run;"
            "write_cards(run.pathspec, Path(sys.argv[2]))"
        )
        folder = self.folder / "cards"
        folder.mkdir(exist_ok=True)
        self.run_command([sys.executable, "-c", script, flow_name, folder], self.environment, self.folder)
        return {file.stem: _card_data(file.read_text()) for file in folder.glob("*.html")}


def _card_data(html: str) -> str:
    return " ".join(
        b64decode(found).decode() for found in re.findall(r'__MF_DATA__\[[^]]*\]\s*=\s*"([A-Za-z0-9+/=]+)"', html)
    )


def _process_environment(**variables: str) -> dict[str, str]:
    """The test's environment without what would lead Metaflow or AWS clients elsewhere, one thread for each process."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW_", "AWS_", "HF_"))}
    return inherited | {
        "OMP_NUM_THREADS": "1",
        # Metaflow's extensions start workers as `python`, which must be this interpreter.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', os.defpath)}",
        "PYTHONPATH": str(FLOWS),
        **variables,
    }


def _metaflow_variables(folder: Path) -> dict[str, str]:
    """Variables that keep everything of Metaflow below `folder`."""
    return {
        "METAFLOW_HOME": str(folder),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder),
        "METAFLOW_CLIENT_CACHE_PATH": str(folder / "client-cache"),
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_USER": "tests",
    }


@pytest.fixture(scope="module")
def metaflow_home(tmp_path_factory: pytest.TempPathFactory, run_command: RunCommand) -> MetaflowHome:
    """Metaflow in an empty folder with a space in its name; artifacts are files there."""
    folder = tmp_path_factory.mktemp("metaflow home")
    return MetaflowHome(folder, _process_environment(**_metaflow_variables(folder)), run_command)


@dataclass(frozen=True)
class ObjectStore:
    """A running S3-compatible server with one bucket."""

    bucket: str
    environment: dict[str, str]


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An S3-compatible server on this machine, as the local stack has one, with its data in a temporary folder."""
    folder = tmp_path_factory.mktemp("object store")
    for name in ("objects", "metadata"):
        (folder / name).mkdir()
    (folder / "objects" / "tests").mkdir()
    port, key, secret = _free_port(), secrets.token_hex(10), secrets.token_hex(20)
    endpoint = f"http://127.0.0.1:{port}"
    command = [_object_store_server(), "--port", f"127.0.0.1:{port}", "--health", "/health", "--quiet"]
    command += ["posix", "--sidecar", str(folder / "metadata"), str(folder / "objects")]
    credentials = {"ROOT_ACCESS_KEY": key, "ROOT_SECRET_KEY": secret}
    with (folder / "log.txt").open("wb") as log:
        server = subprocess.Popen(
            command, env=dict(os.environ) | credentials, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_for(f"{endpoint}/health", server, folder / "log.txt")
        yield ObjectStore(
            bucket="tests",
            environment={
                "AWS_ENDPOINT_URL_S3": endpoint,
                "AWS_ACCESS_KEY_ID": key,
                "AWS_SECRET_ACCESS_KEY": secret,
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
            },
        )
    finally:
        kill_session(server)
        server.wait()


@pytest.fixture(scope="module")
def metaflow_home_on_object_store(
    tmp_path_factory: pytest.TempPathFactory, run_command: RunCommand, object_store: ObjectStore
) -> MetaflowHome:
    """Metaflow in an empty folder; artifacts are objects in the store."""
    folder = tmp_path_factory.mktemp("metaflow home")
    root = f"s3://{object_store.bucket}/{folder.name.replace(' ', '-')}"
    variables = {
        **object_store.environment,
        "METAFLOW_S3_ENDPOINT_URL": object_store.environment["AWS_ENDPOINT_URL_S3"],
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": root,
        "METAFLOW_DATATOOLS_S3ROOT": f"{root}/data",
    }
    return MetaflowHome(folder, _process_environment(**_metaflow_variables(folder), **variables), run_command)


def _object_store_server() -> str:
    installed = CHECKOUT / ".posttraining" / "tools" / "versitygw"
    found = str(installed) if os.access(installed, os.X_OK) else shutil.which("versitygw")
    if found is None:
        pytest.fail(
            f"This test needs the object store's server, versitygw: it is neither {installed} nor on PATH. "
            "`npm run bootstrap` installs it."
        )
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    pytest.fail(f"the object store did not come up; it wrote\n{log.read_text()}")
