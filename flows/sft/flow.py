"""Supervised fine-tuning: learns from demonstrations.

uv run --group train --group evaluate sft/flow.py run      # in flows/: the tiny recipe, on this machine
uv run ... sft/flow.py --config run RECIPE_OR_RUN run      # another recipe, or a planned run
"""

from metaflow import Config

from posttraining.flow import PostTrainingFlow, document_for, placed_by_plan
from posttraining.run_document import RECIPES


@placed_by_plan
class SftFlow(PostTrainingFlow):
    """The steps are in `posttraining/flow.py`, what is particular to SFT in `posttraining/methods/sft.py`."""

    settings = Config("run", default=str(RECIPES / "sft-tiny.yaml"), parser=document_for("sft"))


if __name__ == "__main__":
    SftFlow()
