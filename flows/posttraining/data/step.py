"""What the `data` step of every flow does."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path

from posttraining import models, storage
from posttraining.chat_arguments import require_read
from posttraining.contracts.run_document import RunDocument
from posttraining.data.hub import licence_of
from posttraining.examples import Examples, load_examples
from posttraining.recipe_relations import is_tiny
from posttraining.trainers.chat_template import template_of
from posttraining.training import base_model_of


def examples_of(document: RunDocument) -> Examples:
    """Reads a run's training examples, keeps them beside the models, tries the first ones, and says how they are read.

    Raises:
        ValueError: if they cannot be trained on; the message says what to change.
    """
    recipe, base = document["recipe"], base_model_of(document)
    source = recipe["dataset"]["source"]
    require_read(recipe, base)
    examples = load_examples(recipe, storage.join(document["modelsRoot"], ".examples"))
    print(f"{source}: {examples.form}; {examples.count} examples", flush=True)
    _say_licences(base, source)
    # The project's own examples are known to fit its own model, whose trainings are short.
    if is_tiny(source) and is_tiny(base):
        return examples
    from posttraining.data.trial import TRIED, try_examples

    with tempfile.TemporaryDirectory(prefix="tokenizer-") as scratch:
        folder = models.fetch_tokenizer(base, Path(scratch) / "base", recipe["model"].get("revision"))
        first = list(islice(examples.iterate(), TRIED))
        try_examples(recipe, folder, first)
        template = template_of(recipe, folder)
    print(f"The first {len(first)} examples can be trained on, with {template.said}", flush=True)
    return examples


def _say_licences(base: str, source: str) -> None:
    """They are for people to judge: nothing is refused for one."""
    for kind, name in (("model", base), ("dataset", source)):
        if not name.startswith(("tiny:", "s3://", "file://")) and (said := licence_of(kind, name)) is not None:
            print(said, flush=True)
