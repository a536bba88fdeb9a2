"""The environment variables of a run's processes: the same whatever shell the run was started from."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from posttraining.driver.processes import MARK_VARIABLE
from posttraining.driver.record import RunRecord
from posttraining.driver.request import FLOWS_DIRECTORY, LocalSettings

OWNER_VARIABLE = "POSTTRAINING_DIRECTORY"
"""Variable by which teardown finds what a stack has started; its value is the run's directory (machine/folderUsers.ts)."""

# Of a person's own account, session, shell or cluster job. Each would change what a run does or how it ends: the stack's store
# has other credentials, libraries join a group of processes that RANK names, Python imports what PYTHONPATH holds.
_FOREIGN_PREFIXES = (
    *("METAFLOW_", "MF_", "AWS_", "PYTHON", "PULUMI_", "POSTTRAINING_", "NODE_", "npm_", "TS_NODE_"),
    # torchrun takes what its command line does not say from PET_*.
    *("TORCHELASTIC_", "TORCH_ELASTIC_", "TORCHRUN_", "PET_"),
    *("ACCELERATE_", "PARALLELISM_CONFIG_", "FSDP_", "DEEPSPEED_", "MEGATRON_"),
    # What an MPI or a scheduler tells the processes of a job: accelerate takes them for the size and ranks of its own.
    *("MPI_", "I_MPI_", "OMPI_", "PRTE_", "PMI_", "PMI2_", "PMIX_", "MV2_", "MVP_", "HYDRA_", "HYDI_", "SLURM_"),
)
_FOREIGN = frozenset(
    (
        *("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "GROUP_WORLD_SIZE"),
        *("ROLE_NAME", "ROLE_RANK", "ROLE_WORLD_SIZE", "CROSS_RANK"),
        *("MASTER_ADDR", "MASTER_PORT", "TMPDIR", "TMP", "TEMP", "VIRTUAL_ENV", "LC_ALL", "LANG", "LANGUAGE"),
    )
)

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def environment_of_run(inherited: Mapping[str, str], settings: LocalSettings, record: RunRecord) -> dict[str, str]:
    """Returns the environment for the supervisor and the flow.

    What the request gives wins over every default.
    """
    state = settings.runs_directory.parent / "metaflow"
    environment = without_foreign_variables(inherited)
    # Otherwise each of a run's processes starts as many threads as there are cores.
    environment.setdefault("OMP_NUM_THREADS", "1")
    environment |= {
        "METAFLOW_HOME": str(state),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(state),
        # Metaflow's own default is one folder in /tmp for all users of the machine.
        "METAFLOW_CLIENT_CACHE_PATH": str(state / "client-cache"),
        # Libraries read settings from there, and leave files; a person's need not exist.
        "HOME": str(state / "home"),
        # Metaflow leaves a file there for every run.
        "TMPDIR": str(record.temporary_directory),
        "METAFLOW_DEFAULT_METADATA": "local",
        # Metaflow refuses to run without a user, and a container may have none.
        "METAFLOW_USER": "posttraining",
        # Files are UTF-8 whatever the language of the caller.
        "PYTHONUTF8": "1",
        "PYTHONNOUSERSITE": "1",
    }
    environment |= settings.environment
    # Metaflow's extensions start workers as `python`, which must be this interpreter.
    environment["PATH"] = _joined(str(Path(sys.executable).parent), environment.get("PATH", os.defpath))
    environment["PYTHONPATH"] = str(FLOWS_DIRECTORY)
    environment |= with_direct_loopback(environment)
    environment[MARK_VARIABLE] = record.mark
    environment[OWNER_VARIABLE] = str(record.directory)
    return environment


def without_foreign_variables(inherited: Mapping[str, str]) -> dict[str, str]:
    """Returns a caller's variables without those that would change what a run does."""
    return {
        name: value
        for name, value in inherited.items()
        if name not in _FOREIGN and not name.startswith(_FOREIGN_PREFIXES)
    }


def with_direct_loopback(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables that keep traffic to this machine from going through a proxy, whatever proxies are set."""
    listed = [host.strip() for name in ("no_proxy", "NO_PROXY") for host in environment.get(name, "").split(",")]
    # `*` is every host, and is understood only where it stands alone.
    hosts = "*" if "*" in listed else ",".join(dict.fromkeys(host for host in [*listed, *_LOOPBACK] if host))
    return {"no_proxy": hosts, "NO_PROXY": hosts}


def _joined(first: str, rest: str) -> str:
    return f"{first}{os.pathsep}{rest}" if rest else first
