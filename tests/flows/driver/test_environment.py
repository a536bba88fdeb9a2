"""Which of a caller's variables reach a run."""

import importlib.util
import re
from pathlib import Path

import pytest

from posttraining.driver.environment import with_direct_loopback, without_foreign_variables


@pytest.mark.parametrize(
    ("given", "hosts"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"no_proxy": "intranet.example, localhost"}, "intranet.example,localhost,127.0.0.1,::1"),
        ({"no_proxy": "a", "NO_PROXY": "b,a,"}, "a,b,127.0.0.1,localhost,::1"),
        ({"no_proxy": "*"}, "*"),
        ({"NO_PROXY": " * "}, "*"),
        ({"no_proxy": "a,*", "NO_PROXY": "b"}, "*"),
        ({"no_proxy": "*.example"}, "*.example,127.0.0.1,localhost,::1"),
    ],
)
def test_traffic_to_this_machine_goes_through_no_proxy(given: dict[str, str], hosts: str) -> None:
    assert with_direct_loopback(given) == {"no_proxy": hosts, "NO_PROXY": hosts}


def names_that_accelerate_reads() -> set[str]:
    """Returns the variables from which accelerate takes the size and the ranks of a group of processes."""
    package = importlib.util.find_spec("accelerate")
    if package is None or package.origin is None:
        pytest.skip("accelerate is not installed")
    sources = [Path(package.origin).parent / name for name in ("state.py", "utils/environment.py")]
    lists = [names for file in sources for names in re.findall(r"get_int_from_env\(\s*\[([^\]]*)\]", file.read_text())]
    return set(re.findall(r"[A-Z][A-Z0-9_]+", " ".join(lists))) - {"OMP_NUM_THREADS"}


def test_nothing_from_which_accelerate_takes_ranks_reaches_a_run() -> None:
    names = names_that_accelerate_reads()
    assert {"PMI_SIZE", "MV2_COMM_WORLD_SIZE", "MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE"} <= names
    assert without_foreign_variables(dict.fromkeys(names, "2")) == {}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "I_MPI_PIN_DOMAIN",
            "MPI_LOCALRANKID",
            "MPI_LOCALNRANKS",
            "PMI_RANK",
            "PMI2_SIZE",
            "PMIX_RANK",
            "PRTE_LAUNCHED",
        ),
        *(
            "OMPI_COMM_WORLD_RANK",
            "MV2_COMM_WORLD_LOCAL_RANK",
            "MVP_COMM_WORLD_SIZE",
            "HYDRA_BOOTSTRAP",
            "HYDI_CONTROL_FD",
        ),
        *(
            "SLURM_PROCID",
            "NODE_RANK",
            "CROSS_RANK",
            "GROUP_WORLD_SIZE",
            "ROLE_NAME",
            "PET_NNODES",
            "PET_NPROC_PER_NODE",
        ),
        *("TORCH_ELASTIC_WORKER_IDENTICAL", "PARALLELISM_CONFIG_CP_SIZE", "ACCELERATE_MIXED_PRECISION"),
    ],
)
def test_nothing_that_a_job_of_a_cluster_has_set_reaches_a_run(name: str) -> None:
    assert without_foreign_variables({name: "2", "HF_TOKEN": "kept"}) == {"HF_TOKEN": "kept"}
