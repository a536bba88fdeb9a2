"""Makes the package `posttraining` and the harness importable, and a driver for each test."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from driver_harness import Driver

HERE = Path(__file__).resolve().parent
for directory in (str(HERE), str(HERE.parents[2] / "flows")):
    if directory not in sys.path:
        sys.path.insert(0, directory)


@pytest.fixture
def driver(tmp_path: Path) -> "Iterator[Driver]":
    """A driver with an empty runs directory. No run outlives the test."""
    from driver_harness import Driver

    stack_directory = tmp_path / "a stack"
    yield Driver(stack_directory)
    cleaning = Driver(stack_directory)
    cleaning.stop_all()
