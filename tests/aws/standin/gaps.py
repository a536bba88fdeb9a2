"""Prints what moto lacks of what the platform asks for, a line each: `python -m standin.gaps`.

Worked out from the installed moto, so that a line goes once moto has what it names.
"""

from __future__ import annotations

from moto.budgets.responses import BudgetsResponse
from moto.eks.responses import EKSResponse

from standin.additions import OPERATIONS, forgotten
from standin.eks import Eks


def gaps() -> list[str]:
    """Lines for a person."""
    eks = sorted(name for name in vars(Eks) if not name.startswith("_") and name != "answer")
    lacking = [name for name in eks if not hasattr(EKSResponse, name)]
    budgets = [operation.__name__ for operation in OPERATIONS if not hasattr(BudgetsResponse, operation.__name__)]
    return [
        f"moto's EKS has no {', '.join(lacking)}: all of EKS is standin/eks.py's",
        f"moto's Budgets has no {', '.join(budgets)}: standin/additions.py's",
        *(f"moto forgets {what}: standin/additions.py keeps it" for _, _, _, what in forgotten()),
    ]


if __name__ == "__main__":
    print("\n".join(gaps()))
