"""Kahneman-Tversky optimisation: learns from single answers, each said to be good or bad.

uv run --group train --group evaluate kto/flow.py run      # in flows/: the tiny recipe, on this machine
uv run ... kto/flow.py --config run RECIPE_OR_RUN run      # another recipe, or a planned run
"""

from metaflow import Config

from posttraining.flow import PostTrainingFlow, document_for, placed_by_plan
from posttraining.run_document import RECIPES


@placed_by_plan
class KtoFlow(PostTrainingFlow):
    """The steps are in `posttraining/flow.py`, what is particular to KTO in `posttraining/methods/kto.py`."""

    settings = Config("run", default=str(RECIPES / "kto-tiny.yaml"), parser=document_for("kto"))


if __name__ == "__main__":
    KtoFlow()
