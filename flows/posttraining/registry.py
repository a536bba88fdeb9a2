"""The registry of trained models: plain files in the store, what each came from, and which one is promoted."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from posttraining import storage
from posttraining.contracts.flow_result import FlowResult
from posttraining.contracts.lineage import Lineage
from posttraining.contracts.promoted_model import PromotedModel
from posttraining.contracts.registration import Registration
from posttraining.contracts.run_document import RunDocument
from posttraining.examples import Examples
from posttraining.finished_model import Finished
from posttraining.measurement import EVALUATION_FILE
from posttraining.models import LINEAGE_FILE, read_lineage
from posttraining.registration_checks import require_registrable

PROMOTED_FILE = "promoted.json"

_PACKAGES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "tokenizers",
    "lm-eval",
    "metaflow",
    "vllm",
)


def model_uri(models_root: str, name: str, run_id: str) -> str:
    """Where a run's model goes."""
    return storage.join(models_root, name, run_id)


def upload_model(folder: Path, uri: str) -> None:
    """Uploads model and tokenizer files."""
    storage.upload_folder(folder, uri)


def register_model(
    document: RunDocument,
    result: FlowResult,
    finished: Finished,
    examples: Examples,
    evaluation: dict[str, str],
    pathspec: str,
    flow_file: Path,
) -> Registration:
    """Records beside a model what it was made from and how good it is, and promotes it if it passed its gate.

    Args:
        document: the run document.
        result: the flow's result.
        finished: what was checked of the model's files before they were uploaded.
        examples: what the model was trained on.
        evaluation: what decides the numbers of each task.
        pathspec: the Metaflow run.
        flow_file: the flow's code.

    Returns:
        What was written, to be kept with the run: from it the registry can be restored.

    Raises:
        RegistrationError: if something is wrong with the model, or its files in the store are others than those that were checked.
    """
    recipe, uri, base = document["recipe"], result["modelUri"], result["baseModelUri"]
    beside = (LINEAGE_FILE, EVALUATION_FILE)
    stored = {file: size for file, size in storage.list_sizes(uri).items() if file not in beside}
    lost = [name for name, size in finished["files"].items() if stored.get(name) != size]
    changed = [f"{name} is not in the store as it was checked: upload or copy it again" for name in lost]
    require_registrable([*finished["problems"], *changed], uri)
    if base is None:
        raise ValueError("a result without a base model is none of this flow's")
    base_is_registered = read_lineage(base) is not None
    lineage: Lineage = {
        # With their sizes, so that a model of which a part is lost does not look like a whole one.
        "files": stored,
        "recipe": recipe,
        "plan": document["plan"],
        "baseModel": {"uri": base, "lineage": storage.join(base, LINEAGE_FILE) if base_is_registered else None},
        "adapter": finished["adapter"],
        "data": {
            "source": recipe["dataset"]["source"],
            "fingerprint": examples.fingerprint,
            "examples": examples.count,
            "form": examples.form,
            "revision": examples.revision,
        },
        "code": code_hash(flow_file),
        "packages": package_versions(),
        "pathspec": pathspec,
        "metrics": result["metrics"],
        "evaluation": evaluation,
        "gate": result["gate"],
        "promoted": result["promoted"],
    }
    pointer: PromotedModel | None = None
    if result["promoted"]:
        pointer = {
            "modelUri": uri,
            "pathspec": pathspec,
            "promotedAt": datetime.now(UTC).isoformat(timespec="seconds"),
            "metrics": result["metrics"],
        }
    storage.write_bytes(storage.join(uri, LINEAGE_FILE), _json(lineage))
    if pointer is not None:
        storage.write_bytes(_pointer_uri(document["modelsRoot"], document["name"]), _json(pointer))
    return {"lineage": lineage, "pointer": pointer}


def restore_registration(models_root: str, name: str, result: FlowResult, registration: Registration | None) -> bool:
    """Writes what the registry lost of a run's model: its lineage, and the pointer of its deployment.

    A pointer that is there stays, whichever run's model it names.

    Args:
        models_root: prefix of the registered models.
        name: name of the deployment.
        result: the run's result.
        registration: what the run wrote once; None if nobody has it any more.

    Returns:
        Whether the registry has all of it now.
    """
    lineage_uri, pointer_uri = storage.join(result["modelUri"], LINEAGE_FILE), _pointer_uri(models_root, name)
    if registration is not None and not _holds_json(lineage_uri):
        storage.write_bytes(lineage_uri, _json(registration["lineage"]))
    if registration is not None and registration["pointer"] and not _holds_json(pointer_uri):
        storage.write_bytes(pointer_uri, _json(registration["pointer"]))
    if not _holds_json(lineage_uri):
        return False
    return not result["promoted"] or _holds_json(pointer_uri)


def _holds_json(uri: str) -> bool:
    try:
        content = storage.read_bytes(uri)
        return content is not None and isinstance(json.loads(content), dict)
    except (ValueError, storage.DamagedFileError):
        return False


def _pointer_uri(models_root: str, name: str) -> str:
    return storage.join(models_root, name, PROMOTED_FILE)


def promoted_model(models_root: str, name: str) -> PromotedModel | None:
    """The pointer to the last promoted model of a deployment; None if none was ever promoted."""
    content = storage.read_bytes(_pointer_uri(models_root, name))
    return None if content is None else json.loads(content)


def package_versions() -> dict[str, str]:
    """Versions of the installed packages that decide a training's outcome."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def code_hash(flow_file: Path) -> str:
    """SHA-256 over the flow's file and this library."""
    library = Path(__file__).parent
    found = hashlib.sha256(flow_file.read_bytes())
    for file in sorted(library.rglob("*")):
        if file.suffix in (".py", ".yaml", ".json", ".jinja") and "driver" not in file.parts:
            found.update(file.relative_to(library).as_posix().encode())
            found.update(file.read_bytes())
    return found.hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
