"""A rehearsal from request to report: the small model and rows, the run, the reference, what was saved, the endpoint."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from posttraining.contracts.rehearsal_report import RehearsalInvariant, RehearsalReplacement, RehearsalReport
from posttraining.contracts.rehearsal_request import RehearsalRequest
from posttraining.contracts.run_document import RunDocument
from posttraining.library_imports import lean_imports
from posttraining.models import ADAPTER_CONFIGURATION, ADAPTER_FOLDER
from posttraining.rehearsal import rows
from posttraining.rehearsal.endpoint import ADAPTER_NAMES, NAME, Endpoint
from posttraining.rehearsal.evidence import Attempt, Saved, read_attempt
from posttraining.rehearsal.flow_run import FlowRun
from posttraining.rehearsal.hub import hub_is_reachable
from posttraining.rehearsal.invariants import (
    adapter,
    chat,
    formats,
    loss,
    resuming,
    run,
    saved,
    serving,
    sharding,
    weights,
)
from posttraining.rehearsal.invariants.verdict import verdict
from posttraining.rehearsal.problems import RehearsalError
from posttraining.rehearsal.scaled_model import write_scaled_model
from posttraining.rehearsal.scaling import CHECKPOINT_AT, INTERRUPTED_AT, Scaled, scaled

PHASES = ("train", "reference", "evaluate", "serve")

_PATIENCE_SECONDS = 900.0
"""A limit for hangs: no step takes this long on a machine that works."""
_ASKED = 8
_DEPLOYMENT = "rehearsal"


def rehearse(request: RehearsalRequest, tell: Callable[[str], None]) -> RehearsalReport:
    """Rehearses a recipe.

    Args:
        request: what is rehearsed.
        tell: gets each line of progress.

    Raises:
        RehearsalError: if it cannot be done at all.
    """
    wanted = request.get("only", PHASES)
    unknown = [phase for phase in wanted if phase not in PHASES]
    if unknown:
        raise RehearsalError(f"only: got {', '.join(unknown)}; allowed: {', '.join(PHASES)}")
    return _Rehearsal(request, wanted, tell).carry_out()


class _Rehearsal:
    def __init__(self, request: RehearsalRequest, wanted: Sequence[str], tell: Callable[[str], None]) -> None:
        self._request, self._wanted, self._tell = request, wanted, tell
        self._folder = Path(request["folder"])
        self._invariants: list[RehearsalInvariant] = []
        self._replaced: list[RehearsalReplacement] = []
        self._seconds: dict[str, float] = {}
        self._began = time.monotonic()

    def carry_out(self) -> RehearsalReport:
        with self._phase("prepare", "a small model and rows"):
            made = self._prepare()
        flow, endpoint = None, None
        try:
            with self._phase("train", "the run: killed once, resumed, and trained once more without a kill"):
                flow = FlowRun(self._document(made), self._folder, INTERRUPTED_AT)
                with lean_imports():
                    import torch  # Takes seconds, which the run needs longer anyway.
                    import transformers  # noqa: F401
                torch.set_num_threads(1)
                trained = flow.wait_for_step("evaluate", _PATIENCE_SECONDS)
            if not trained and not (flow.observed / "attempt-0").is_dir():
                self._look_at_run(made, flow, flow.wait(_PATIENCE_SECONDS))
                return self._report()
            if "serve" in self._wanted:
                endpoint = self._start_endpoint(made)
            with self._phase("look", "what training left"):
                self._look_at_training(made, flow)
            if "reference" in self._wanted:
                with self._phase("reference", "the first batch asked plainly"):
                    self._compare_with_reference(made, flow)
            with self._phase("evaluate", "evaluation, gate and registration"):
                status = flow.wait(_PATIENCE_SECONDS)
                self._look_at_run(made, flow, status)
            self._look_at_model(made, flow, endpoint)
        finally:
            if flow is not None:
                flow.kill()
            if endpoint is not None:
                endpoint.stop()
        return self._report()

    def _prepare(self) -> Scaled:
        request, recipe = self._request, self._request["recipe"]
        use_hub = request["useHub"] and hub_is_reachable()
        source = recipe["dataset"]["source"]
        model, dataset = recipe["model"]["base"], self._folder / "rows.jsonl"
        texts: list[str] = []
        if source.startswith(("tiny:", "file://", "s3://")):
            reference = source
        else:
            sample = rows.sample_of(recipe["dataset"], use_hub)
            dataset.write_text(
                "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in sample.rows), encoding="utf-8"
            )
            reference, texts = dataset.as_uri(), list(rows.texts_of(sample.rows))
            by = "a sample of its rows" if sample.real else "rows of its schema that are made here"
            self._replace(
                f"dataset.source: {source}",
                by,
                "a few rows show the same paths" if sample.real else "the hub is not reached",
            )
        if model.startswith("tiny:"):
            return scaled(request, model, reference)
        if not texts:
            texts = list(rows.texts_of(rows.made_rows(rows.FAMILIES[0], rows.COUNT)))
        with lean_imports():
            import transformers  # noqa: F401
        small = self._folder / "base"
        origin = write_scaled_model(model, recipe["model"].get("revision"), request["shape"], texts, small, use_hub)
        self._replace(
            f"model.base: {model}",
            f"a small {origin.architecture} with random weights",
            f"known from {origin.known_from}",
        )
        if origin.replaced:
            self._replace(f"{model}'s {origin.replaced}", "a stand-in with the same switches", "the hub is not reached")
        return scaled(request, small.as_uri(), reference)

    def _document(self, made: Scaled) -> RunDocument:
        self._replaced += made.replaced
        return {
            "recipe": made.recipe,
            "plan": made.plan,
            "placement": None,
            "baseModelUri": None,
            "modelsRoot": (self._folder / "models").as_uri(),
            "name": _DEPLOYMENT,
            "modelUri": None,
        }

    def _model(self) -> Saved | None:
        found = sorted((self._folder / "models" / _DEPLOYMENT).glob("*/"))
        folders = [folder for folder in found if any(folder.glob("*.safetensors"))]
        return Saved(folders[0]) if folders else None

    def _base(self, made: Scaled) -> Saved:
        from posttraining.models import fetch_model

        return Saved(fetch_model(made.recipe["model"]["base"], self._folder / "base"))

    def _attempts(self, flow: FlowRun) -> tuple[Attempt | None, Attempt | None, Attempt | None]:
        first, second = flow.observed / "attempt-0", flow.observed / "attempt-1"
        return read_attempt(first), read_attempt(second), read_attempt(flow.observed / "uninterrupted" / "attempt-1")

    def _look_at_training(self, made: Scaled, flow: FlowRun) -> None:
        killed, resumed, whole = self._attempts(flow)
        self._add(resuming.checkpoint_is_restored(killed, resumed, CHECKPOINT_AT))
        self._add(resuming.ends_are_the_same(resumed, whole))
        seen = whole or resumed or killed
        if seen is None:
            self._not_run("weights, formats and sharding", "no training left a trace")
            return
        self._add(sharding.as_planned(made.plan, seen))
        self._add(formats.states_in_formats(made.recipe, made.plan, seen))
        self._add(formats.loss_in_float32(seen))
        if "end" in seen.weights:
            self._add(weights.trained_weights_change(made.recipe, seen))
            self._add(weights.frozen_weights_stay(seen))

    def _compare_with_reference(self, made: Scaled, flow: FlowRun) -> None:
        import torch

        from posttraining.rehearsal.reference import compare_forwards
        from posttraining.trainers.model_class import model_class

        _killed, _resumed, whole = self._attempts(flow)
        if whole is None:
            self._not_run(loss.NAME, "there is no uninterrupted training")
            return
        base = self._base(made).folder
        model = model_class(base).from_pretrained(base, dtype=torch.float32, attn_implementation="eager").eval()
        temperature = made.recipe["grpo"]["temperature"] if made.recipe["method"] == "grpo" else 1.0
        self._add(loss.loss_is_the_references(made.recipe, whole, compare_forwards(model, whole, temperature)))

    def _look_at_run(self, made: Scaled, flow: FlowRun, status: int | None) -> None:
        model = self._model()
        file = None if model is None else model.folder / "lineage.json"
        lineage = json.loads(file.read_text()) if file is not None and file.is_file() else None
        self._add(run.run_goes_through(made.recipe, status, flow.steps(), lineage, flow.last_lines()))

    def _look_at_model(self, made: Scaled, flow: FlowRun, endpoint: Endpoint | None) -> None:
        _killed, resumed, _whole = self._attempts(flow)
        model, base = self._model(), self._base(made)
        if model is None or resumed is None:
            self._not_run("what was saved", "the run registered no model")
            return
        with self._phase("saved", "what was saved"):
            self._look_at_files(made, flow, resumed, base, model)
        if "evaluate" not in self._wanted:
            return
        with self._phase("ask", "questions as evaluation and endpoint write them"):
            self._ask(made, resumed, model, endpoint)

    def _look_at_files(self, made: Scaled, flow: FlowRun, resumed: Attempt, base: Saved, model: Saved) -> None:
        self._add(saved.files_are_kept(base, model, resumed))
        if model.weights:
            self._add(saved.model_is_whole(base, model))
        if made.recipe["trainable"]["kind"] == "full":
            self._add(saved.saved_as_trained(resumed.weights.get("end", {}), model, base))
            return
        # Registered beside or instead of the merged model, or only what the trainer wrote.
        written = adapter_folder(model.folder) or flow.observed / "attempt-1" / "saved"
        self._add(adapter.adapter_is_saved(resumed, Saved(written)))
        if model.weights:
            self._add(adapter.merged_is_base_plus_update(made.recipe, resumed, base, model))

    def _ask(self, made: Scaled, resumed: Attempt, model: Saved, endpoint: Endpoint | None) -> None:
        from posttraining.models import fetch_unmerged
        from posttraining.rehearsal.asking import Evaluated

        found = fetch_unmerged(model.folder.as_uri(), self._folder / "fetched")
        folder, adapter = (found, None) if isinstance(found, Path) else (found.base, found.adapter)
        with lean_imports():
            evaluated = Evaluated(folder, made.recipe, made.plan, adapter)
        asked = [turns for turns in map(chat.questions_of, resumed.examples[:_ASKED]) if turns]
        if _is_generated(resumed):
            asked = [turns for turns in map(chat.questions_of, resumed.examples) if turns]
        tokens = [evaluated.tokens_of(turns) for turns in asked]
        self._add(chat.evaluated_as_trained(resumed, tokens, made.recipe["sequence"]["maxLength"]))
        if endpoint is not None:
            self._ask_endpoint(made, endpoint, evaluated, asked, tokens)

    def _ask_endpoint(
        self, made: Scaled, endpoint: Endpoint, evaluated: Any, asked: list[Any], tokens: list[list[int]]
    ) -> None:
        problem = endpoint.wait(_PATIENCE_SECONDS)
        if problem is not None:
            self._add(serving.endpoint_answers(endpoint.engine, None, 0, problem))
            return
        turns = asked[0] if asked else [{"role": "user", "content": "How many are 2 and 3?"}]
        ids = tokens[0] if tokens else evaluated.tokens_of(turns)
        names = [NAME, *self._served_adapters]
        for name in names:
            self._add(_answer_of(endpoint, name, turns))
        if endpoint.engine != "vllm":
            self._replace(
                "the tokens of the endpoint",
                "nothing",
                "not run: `transformers serve` does not tell them, and vLLM is not installed in servePython",
            )
            return
        try:
            served = endpoint.ask("/tokenize", {"model": NAME, "messages": turns, "add_generation_prompt": True})[
                "tokens"
            ]
            likeliest = _next_tokens(endpoint, names[-1], ids)
        except RuntimeError as error:
            self._add(verdict(chat.SERVED, [f"{endpoint.engine}: {error}"], ""))
            return
        self._add(chat.served_as_evaluated(ids, served))
        from posttraining.rehearsal.asking import next_tokens_with_adapter

        adapter_served = self._served_adapters.get(names[-1])
        if adapter_served is None:
            expected = evaluated.next_tokens(ids)
        else:
            expected = next_tokens_with_adapter(self._base(made).folder, adapter_served, ids)
        self._add(serving.same_model(expected, likeliest))

    def _start_endpoint(self, made: Scaled) -> Endpoint | None:
        python, model = self._request["servePython"], self._model()
        self._served_adapters: dict[str, Path] = {}
        if python is None:
            self._replace("serving", "nothing", "not run: there is no environment that serves; `npm run bootstrap`")
            return None
        if model is None:
            return None
        found = adapter_folder(model.folder)
        served = model.folder
        if found is not None:
            # Several on one base, as vLLM serves them: here the same one, under two names.
            self._served_adapters = dict.fromkeys(ADAPTER_NAMES, found)
            served = self._base(made).folder
        return Endpoint(Path(python), served, self._served_adapters, made.recipe, self._folder)

    def _add(self, invariant: RehearsalInvariant) -> None:
        self._invariants.append(invariant)
        self._tell(f"{'holds' if invariant['passed'] else 'FAILS'}: {invariant['name']}: {invariant['message']}")

    def _not_run(self, name: str, why: str) -> None:
        """What should have been looked at and was not counts as failed."""
        self._add(verdict(name, [f"not run: {why}"], ""))

    def _replace(self, what: str, by: str, why: str) -> None:
        self._replaced.append({"what": what, "by": by, "why": why})

    @contextmanager
    def _phase(self, name: str, what: str) -> Iterator[None]:
        self._tell(f"{name}: {what}")
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] = round(time.monotonic() - began, 1)

    def _report(self) -> RehearsalReport:
        return {
            "version": 1,
            "identity": self._request["identity"],
            "recipe": self._request["recipe"]["name"],
            "passed": all(invariant["passed"] for invariant in self._invariants),
            "replaced": self._replaced,
            "invariants": self._invariants,
            "seconds": {**self._seconds, "total": round(time.monotonic() - self._began, 1)},
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def adapter_folder(model: Path) -> Path | None:
    """Where a registered model keeps its adapter; None where it keeps none."""
    folders = (model / ADAPTER_FOLDER, model)
    return next((folder for folder in folders if (folder / ADAPTER_CONFIGURATION).is_file()), None)


def _is_generated(attempt: Attempt) -> bool:
    return bool(attempt.rows) and "prompt_ids" in attempt.rows[0]


def _answer_of(endpoint: Endpoint, name: str, turns: list[dict[str, str]]) -> RehearsalInvariant:
    body = {"model": name, "messages": turns, "max_tokens": 4, "temperature": 0}
    if endpoint.engine == "vllm":
        body["ignore_eos"] = True
    try:
        answer = endpoint.ask("/v1/chat/completions", body)
    except RuntimeError as error:
        return serving.endpoint_answers(f"{endpoint.engine} as {name}", None, 0, str(error))
    tokens = (answer.get("usage") or {}).get("completion_tokens", 0)
    return serving.endpoint_answers(
        f"{endpoint.engine} as {name}", answer["choices"][0]["message"]["content"], tokens, None
    )


def _next_tokens(endpoint: Endpoint, name: str, ids: list[int]) -> dict[int, float]:
    body = {
        "model": name,
        "prompt": ids,
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": 5,
        "return_tokens_as_token_ids": True,
    }
    answer = endpoint.ask("/v1/completions", body)
    likeliest = answer["choices"][0]["logprobs"]["top_logprobs"][0]
    return {int(token.removeprefix("token_id:")): value for token, value in likeliest.items()}


def environment_is_quiet() -> None:
    """Keeps libraries of this process from the hub and from drawing bars; the run has settings of its own."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
