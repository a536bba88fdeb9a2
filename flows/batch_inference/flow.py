"""Batch inference: answers a file of prompts with a registered model.

uv run --group train batch_inference/flow.py run --model promoted:grpo --models-root s3://BUCKET/models \
    --prompts s3://BUCKET/prompts.jsonl --output s3://BUCKET/answers
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from metaflow import FlowSpec, Parameter, card, current, retry, step
from metaflow.exception import MetaflowException
from prompts import TINY, PromptsError, read_prompts

from posttraining import models, progress, registry, storage
from posttraining.chat_arguments import chat_arguments
from posttraining.user import ensure_user

ensure_user()

_PROMOTED = "promoted:"
_SHOWN = 20


class InvalidParametersError(MetaflowException):
    """Parameters that name nothing usable; Metaflow prints the message without a traceback."""

    headline = "Invalid parameters"


def model_reference(model: str, models_root: str) -> str:
    """Reference of the model to use: `promoted:<name>` is the newest promoted model of that name.

    Raises:
        ValueError: if no model of that name was promoted, or the root is missing.
    """
    if not model.startswith(_PROMOTED):
        return model
    name = model.removeprefix(_PROMOTED)
    if not models_root:
        raise ValueError(
            f"models-root: is needed for {model}; write the s3:// or file:/// prefix of the registered models"
        )
    pointer = registry.promoted_model(models_root, name)
    if pointer is None:
        raise ValueError(f'model: no model named "{name}" was promoted below {models_root}')
    return pointer["modelUri"]


class BatchInferenceFlow(FlowSpec):
    """Reads prompts, writes answers as JSON lines beside a manifest, and shows samples and speed in a card."""

    model = Parameter("model", default="tiny:llama", help="promoted:<name>, an s3:// or file:/// prefix, or a hub id")
    models_root = Parameter("models-root", default="", help="prefix of the registered models, for promoted:<name>")
    prompts = Parameter(
        "prompts", default=TINY, help="s3:// or file:/// path of JSON lines with `prompt`, or tiny:sums"
    )
    output = Parameter(
        "output", required=True, type=str, help="s3:// or file:/// prefix for answers.jsonl, manifest.json"
    )
    limit = Parameter("limit", default=0, help="use only the first so many prompts; 0: all")
    batch_size = Parameter("batch-size", default=64, help="prompts at a time")
    max_tokens = Parameter("max-tokens", default=256, help="longest answer in tokens")

    @step
    def start(self) -> None:
        """Checks the parameters and reads the prompts."""
        problems = []
        if not self.output.startswith(("s3://", "file:///")):
            problems.append(f"output: got {self.output}; write an s3:// or file:/// prefix")
        for name, value, least in (
            ("limit", self.limit, 0),
            ("batch-size", self.batch_size, 1),
            ("max-tokens", self.max_tokens, 1),
        ):
            if value < least:
                problems.append(f"{name}: got {value}; must be at least {least}")
        try:
            self.model_uri = model_reference(self.model, self.models_root)
        except ValueError as error:
            problems.append(str(error))
        try:
            self.questions = read_prompts(self.prompts, self.limit or None)
        except PromptsError as error:
            problems.append(str(error))
        if problems:
            raise InvalidParametersError("\n".join(problems))
        self.next(self.generate)

    @retry(times=1, minutes_between_retries=0)
    @step
    def generate(self) -> None:
        """Answers the prompts and writes the answers."""
        from generation import answer, engine_name

        total = len(self.questions)
        engine = engine_name()
        with tempfile.TemporaryDirectory(prefix="posttraining-") as scratch:
            folder = models.fetch_model(self.model_uri, Path(scratch) / "model")
            began = time.monotonic()

            def on_batch(done: int) -> None:
                left = (time.monotonic() - began) / done * (total - done)
                progress.report("evaluate", done, total, left)

            # What the model was trained and evaluated with.
            lineage = models.read_lineage(self.model_uri)
            template_arguments = {} if lineage is None else chat_arguments(lineage["recipe"])
            answers = answer(
                engine, folder, self.questions, self.batch_size, self.max_tokens, on_batch, template_arguments
            )
            seconds = time.monotonic() - began
        rows = [{"prompt": question, "answer": text} for question, text in zip(self.questions, answers, strict=True)]
        self.answers_uri = storage.join(self.output, "answers.jsonl")
        storage.write_bytes(self.answers_uri, "".join(json.dumps(row) + "\n" for row in rows).encode())
        self.manifest = {
            "modelUri": self.model_uri,
            "prompts": self.prompts,
            "answers": self.answers_uri,
            "count": total,
            "engine": engine,
            "seconds": seconds,
            "pathspec": f"{current.flow_name}/{current.run_id}",
        }
        manifest = json.dumps(self.manifest, indent=2).encode() + b"\n"
        storage.write_bytes(storage.join(self.output, "manifest.json"), manifest)
        self.samples = rows[:_SHOWN]
        self.next(self.end)

    @card(type="blank", id="answers")
    @step
    def end(self) -> None:
        """Shows samples and speed."""
        draw_answers(current.card["answers"], self.manifest, self.samples)


def draw_answers(shown: Any, manifest: dict[str, Any], samples: list[dict[str, Any]]) -> None:
    """Draws what was answered by what, how fast, and the first answers."""
    from metaflow.cards import Markdown, Table

    rate = manifest["count"] / max(manifest["seconds"], 1e-9)
    shown.append(Markdown(f"# {manifest['count']} answers by `{manifest['modelUri']}`"))
    shown.append(Markdown(f"{manifest['engine']}: {manifest['seconds']:.1f} s, {rate:.1f} answers a second"))
    shown.append(Markdown(f"Answers: `{manifest['answers']}`"))
    rows = [[row["prompt"][-1]["content"], row["answer"]] for row in samples]
    shown.append(Table(rows, headers=["prompt", "answer"]))


if __name__ == "__main__":
    BatchInferenceFlow()
