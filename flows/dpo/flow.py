"""Direct preference optimisation: learns from pairs of answers.

uv run --group train --group evaluate dpo/flow.py run      # in flows/: the tiny recipe, on this machine
uv run ... dpo/flow.py --config run RECIPE_OR_RUN run      # another recipe, or a planned run
"""

from metaflow import Config

from posttraining.flow import PostTrainingFlow, document_for, placed_by_plan
from posttraining.run_document import RECIPES


@placed_by_plan
class DpoFlow(PostTrainingFlow):
    """The steps are in `posttraining/flow.py`, what is particular to DPO in `posttraining/methods/dpo.py`."""

    settings = Config("run", default=str(RECIPES / "dpo-tiny.yaml"), parser=document_for("dpo"))


if __name__ == "__main__":
    DpoFlow()
