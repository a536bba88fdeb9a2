"""Looks at a Python environment from inside, for setup/python-interpreter.mjs.

Arguments: a list of what was installed, in the form that setup/installed-files.mjs describes; the folder that its paths
start from; names of top-level modules. Writes lines:

    missing: torch trl          modules that are not found
    listed: yes                 the list can be used
    damaged: 2 transformers     files of an owner that are missing or have another size
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec


def is_found(module: str) -> bool:
    """Look for a module without importing it, which takes seconds for torch. A folder without code has no origin."""
    specification = find_spec(module)
    return specification is not None and specification.origin is not None


def damage(lines: list[str], root: str) -> dict[str, int] | None:
    """Compare a list's files with those on the disk, as `compareWithList` of setup/installed-files.mjs.

    Looks from within each folder: a long path takes the system twice as long as a name.

    Returns:
        How many files of each owner are missing or have another size; None when the list is not one, or not a whole one.
    """
    if len(lines) < 4 or lines[0] != "installed files 1" or lines[-1] != "":
        return None
    os.chdir(root)
    top = os.open(".", os.O_RDONLY)
    lstat = os.lstat
    damaged: dict[str, int] = {}
    owner = ""
    count = 0
    is_there = True
    for line in lines[2:-1]:
        name, tab, rest = line.partition("\t")
        if not tab:
            os.fchdir(top)
            try:
                os.chdir(line)
                is_there = True
            except OSError:
                is_there = False
        elif not name:
            owner = rest
        else:
            count += 1
            try:
                is_whole = is_there and lstat(name).st_size == int(rest)
            except (OSError, ValueError):
                is_whole = False
            if not is_whole:
                damaged[owner] = damaged.get(owner, 0) + 1
    return damaged if owner == f"\t{count}" else None


def main() -> None:
    """Write what was found."""
    path, root, *modules = sys.argv[1:]
    print("missing:", *[module for module in modules if not is_found(module)])
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes longer to import than all of this
            lines = file.read().split("\n")
    except (OSError, ValueError):
        return
    damaged = damage(lines, root)
    if damaged is None:
        return
    print("listed: yes")
    for owner, files in damaged.items():
        print("damaged:", files, owner)


main()
