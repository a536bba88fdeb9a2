"""Whether the hub can be reached from here."""

from __future__ import annotations

import os
from urllib.error import HTTPError
from urllib.request import Request, urlopen

_PATIENCE_SECONDS = 5.0


def hub_is_reachable() -> bool:
    """Asks once, and soon gives up: the hub's own client tries for half a minute wherever nothing answers."""
    place = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        with urlopen(Request(place, method="HEAD"), timeout=_PATIENCE_SECONDS):
            return True
    except HTTPError:
        return True
    except (OSError, ValueError):
        return False
