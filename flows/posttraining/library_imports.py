"""Importing the training libraries faster and quieter, and this library in other processes.

transformers and its companions import over four thousand modules. Two things in that are avoidable: the garbage
collector walks all their objects again and again while they only ever become more, and scikit-learn and chardet are
imported wherever they are installed, for features that no step uses (assisted generation; guessing the encoding of HTTP
responses, which requests otherwise leaves to charset_normalizer). Measured: 3.2 s of processor time instead of 5.6 s.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_UNUSED = ("sklearn", "chardet")


@contextmanager
def lean_imports(progress_bars: bool = False) -> Iterator[None]:
    """While inside, the modules above look as if they were not installed; afterwards they can be imported as usual.

    Args:
        progress_bars: whether tqdm, if it is imported inside, draws bars. In a task's log each of their steps is one more
            line, but vLLM 0.31 divides by the time that its bar has measured.
    """
    if not progress_bars:
        os.environ.setdefault("TQDM_DISABLE", "1")
    hidden = [name for name in _UNUSED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        for name in hidden:
            if sys.modules.get(name) is None:
                del sys.modules[name]
        gc.freeze()
        if collecting:
            gc.enable()


@contextmanager
def library_on_path() -> Iterator[None]:
    """Lets processes that are started inside import this library from wherever Metaflow has unpacked it."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).resolve().parents[1]), before]))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
