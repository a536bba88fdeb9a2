"""What is known of a method without its libraries: what TRL logs, and how many examples the tiny task has for it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def method_facts(name: str) -> dict[str, Any]:
    """The facts of a method, which `methods/<name>.ts` reads too."""
    return json.loads(Path(__file__).with_name(f"{name}.facts.json").read_text(encoding="utf-8"))
