"""Group relative policy optimisation: learns from rewards on its own answers.

uv run --group train --group evaluate grpo/flow.py run      # in flows/: the tiny recipe, on this machine
uv run ... grpo/flow.py --config run RECIPE_OR_RUN run      # another recipe, or a planned run
"""

from metaflow import Config

from posttraining.flow import PostTrainingFlow, document_for, placed_by_plan
from posttraining.run_document import RECIPES


@placed_by_plan
class GrpoFlow(PostTrainingFlow):
    """The steps are in `posttraining/flow.py`, what is particular to GRPO in `posttraining/methods/grpo.py`."""

    settings = Config("run", default=str(RECIPES / "grpo-tiny.yaml"), parser=document_for("grpo"))


if __name__ == "__main__":
    GrpoFlow()
