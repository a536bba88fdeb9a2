"""Whether the disk of a run has room: before the run starts, and while it writes."""

import errno
import os
from pathlib import Path

LEAST_FREE_BYTES = 256 * 1024 * 1024
"""Room without which no run is started: the tiny chain writes about 50 MB, and a full disk harms whoever else uses it."""

_PROBE_BYTES = 256 * 1024


def is_full(error: OSError) -> bool:
    """Whether a file could not be written because there is no room for it."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def free_bytes(folder: Path) -> int:
    """Returns the bytes that this user may still write to the disk of a folder that exists."""
    found = os.statvfs(folder)
    return (found.f_bfree if os.geteuid() == 0 else found.f_bavail) * found.f_frsize


def full_disk(folder: Path) -> str | None:
    """Returns what is wrong if nothing more can be written below `folder`, else None.

    Writing is the test: quotas and reserved blocks are in no count of free blocks.
    """
    probe = folder / f".disk-probe.{os.getpid()}"
    try:
        with probe.open("wb", buffering=0) as stream:
            stream.write(b"\0" * _PROBE_BYTES)
            os.fsync(stream.fileno())
    except OSError as error:
        if is_full(error):
            return f"the disk is full: {folder} has {free_bytes(folder) / 1e6:.0f} MB free ({error.strerror})"
    finally:
        probe.unlink(missing_ok=True)
    return None


class Reserve:
    """Some room that is kept, so that what became of a run can be recorded on a full disk."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / ".reserve"

    def keep(self) -> None:
        """Takes the room."""
        with self._file.open("wb", buffering=0) as stream:
            stream.write(os.urandom(_PROBE_BYTES))
            os.fsync(stream.fileno())

    def release(self) -> None:
        """Gives the room back."""
        self._file.unlink(missing_ok=True)
