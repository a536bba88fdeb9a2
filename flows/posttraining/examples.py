"""Training examples: which rows they are made of, how those are read, and where they are kept."""

from __future__ import annotations

import atexit
import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from posttraining import storage, tiny_task
from posttraining.contracts.recipe import Recipe
from posttraining.data.forms import Form, MissingValueError, choose_form
from posttraining.data.hub import commit_of, rows_of_hub
from posttraining.data.sources import Listed, RowSource, in_order, rows_of_store
from posttraining.data.turns import RowProblemError
from posttraining.methods import method_of
from posttraining.methods.columns import DatasetError
from posttraining.methods.facts import method_facts
from posttraining.methods.method import Row

# Rows of which the form is chosen.
_LOOKED_AT = 100


@dataclass(frozen=True)
class Examples:
    """Training examples: a file of JSON lines in the store, and what is known of it."""

    uri: str
    count: int
    columns: tuple[str, ...]
    fingerprint: str
    """SHA-256 of the file: the same examples in the same order have the same."""
    form: str
    """How rows were read, in one line."""
    revision: str | None = None
    """The hub's commit; None for what is not of the hub, or where the hub could not be asked."""

    def write(self, file: Path) -> None:
        """Writes the examples to a file of this machine.

        Raises:
            storage.StorageError: if they are no longer in the store, or are not what was written.
        """
        with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
            found = storage.local_file(self.uri, Path(scratch))
            if found is None:
                raise storage.StorageError(f"{self.uri}: the training examples are gone; start the run anew")
            digest = hashlib.sha256()
            with found.open("rb") as source, file.open("wb") as target:
                for line in source:
                    digest.update(line)
                    target.write(line)
        if digest.hexdigest() != self.fingerprint:
            raise storage.DamagedFileError(f"{self.uri}: is not what was written there; start the run anew")

    def iterate(self) -> Iterator[Row]:
        """The examples, one at a time."""
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "examples.jsonl"
            self.write(file)
            yield from _lines_of(file)

    def rows(self) -> list[Row]:
        """The examples, all at once: for few."""
        return list(self.iterate())

    @property
    def lines(self) -> bytes:
        """The file's content, all at once: for few."""
        return storage.read_bytes(self.uri) or b""


def load_examples(recipe: Recipe, root: str | None = None) -> Examples:
    """Reads the examples that a recipe names: `tiny:`, `s3://` or `file:///` JSON lines, or a dataset on the hub.

    How rows are read is chosen by their first ones (`data/forms.py`). They are shuffled by the recipe's seed before `limit` is
    taken; those of the project's own task never are. Rows pass through a file, whatever their number.

    Args:
        recipe: a recipe.
        root: prefix in the store below which examples are kept; None: a folder that goes with this process.

    Raises:
        DatasetError: if there is no such dataset, no form fits its rows, or one of them cannot be read: it names the first.
    """
    root = root or _own_root()
    dataset = recipe["dataset"]
    is_on_hub = not dataset["source"].startswith(("tiny:", "s3://", "file://"))
    revision = commit_of(dataset["source"], dataset.get("revision")) if is_on_hub else None
    pointer = storage.join(root, f"{_key(recipe, revision)}.json") if revision is not None else None
    if pointer is not None and (known := _kept(pointer)) is not None:
        return known
    with tempfile.TemporaryDirectory(prefix="examples-") as scratch:
        source = _source(recipe, revision or dataset.get("revision"), Path(scratch) / "source")
        examples = _write(recipe, source, Path(scratch) / "examples.jsonl", root)
    examples = replace(examples, revision=revision)
    if pointer is not None:
        storage.write_bytes(pointer, json.dumps(asdict(examples)).encode())
    return examples


def _source(recipe: Recipe, revision: str | None, scratch: Path) -> RowSource:
    dataset, method = recipe["dataset"], method_of(recipe)
    source = dataset["source"]
    if source.startswith("tiny:"):
        if source != tiny_task.DATASET:
            raise DatasetError(f"dataset.source: {source} is not known; the project makes {tiny_task.DATASET}")
        count = method_facts(method.name)["tinyExamples"]
        return Listed(tiny_task.training_rows(method.name, count, method.tiny_row))
    if source.startswith(("s3://", "file://")):
        return rows_of_store(source, scratch)
    needs_all = dataset["shuffle"] or dataset["brokenRows"] == "skip"
    return rows_of_hub(
        source, dataset.get("subset"), dataset["split"], revision, None if needs_all else dataset.get("limit"), scratch
    )


def _write(recipe: Recipe, rows: RowSource, file: Path, root: str) -> Examples:
    """Writes the examples of the recipe's rows to a file, and keeps it in the store by its content."""
    dataset, method = recipe["dataset"], method_of(recipe)
    source = dataset["source"]
    if rows.count() == 0:
        raise DatasetError(f"dataset.source: {source} has no examples")
    form = form_of(recipe, [rows.row(number) for number in range(min(rows.count(), _LOOKED_AT))])
    reading = _Reading(recipe, form)
    digest = hashlib.sha256()
    with file.open("wb") as lines:
        for example in reading.examples(rows):
            line = json.dumps(example, ensure_ascii=False).encode() + b"\n"
            digest.update(line)
            lines.write(line)
    if reading.count == 0:
        raise DatasetError(f"dataset.source: {source} has no example that can be read: {reading.first_problem}")
    if problem := method.rows_problem(_lines_of(file)):
        raise DatasetError(f"dataset.source: {source}: {problem}")
    fingerprint = digest.hexdigest()
    uri = storage.join(root, f"{fingerprint}.jsonl")
    storage.upload_file(file, uri)
    return Examples(uri=uri, count=reading.count, columns=form.gives, fingerprint=fingerprint, form=reading.said)


class _Reading:
    """Examples from rows, and which of them could not be read."""

    def __init__(self, recipe: Recipe, form: Form) -> None:
        self._recipe, self._form = recipe, form
        self._dataset, self._method = recipe["dataset"], method_of(recipe)
        self.count = 0
        self._problems = 0
        self._first: tuple[int, RowProblemError] | None = None

    def examples(self, rows: RowSource) -> Iterator[Row]:
        """The examples. Raises DatasetError after the last of them if any of the rows could not be read and none may be left out."""
        skips, limit = self._dataset["brokenRows"] == "skip", self._dataset.get("limit")
        shuffles = self._dataset["shuffle"] and not self._dataset["source"].startswith("tiny:")
        for number in in_order(rows, self._recipe["seed"] if shuffles else None):
            if limit is not None and self.count + (0 if skips else self._problems) >= limit:
                break
            try:
                example = self._read(rows.row(number))
            except RowProblemError as problem:
                self._problems += 1
                if self._first is None or number < self._first[0]:
                    self._first = (number, problem)
                continue
            self.count += 1
            yield example
        if self._problems and not skips:
            raise DatasetError(
                f"dataset.source: {self._dataset['source']}: {self.first_problem}{self._more()}: mend the data, or write "
                "dataset.brokenRows: skip"
            )

    def _read(self, row: Row) -> Row:
        example = self._form.read(row)
        if problem := self._method.example_problem(self._recipe, example):
            raise RowProblemError(problem)
        try:
            json.dumps(example, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            # Text that was cut by UTF-16's units: no tokenizer takes it.
            half = ascii(error.object[error.start])
            raise RowProblemError(f"has half of a character ({half}, a lone surrogate) in its text") from error
        return example

    @property
    def first_problem(self) -> str | None:
        """Of the rows that could not be read, what is wrong with the first."""
        if self._first is None:
            return None
        number, problem = self._first
        if isinstance(problem, MissingValueError):
            return f"example {number + 1} {problem}, which {self._method.name} needs{problem.instead}"
        return f"example {number + 1} {problem}"

    @property
    def said(self) -> str:
        """How rows were read."""
        if not self._problems:
            return self._form.said
        return f"{self._form.said}; left out {self._problems} that cannot be read, such as: {self.first_problem}"

    def _more(self) -> str:
        others = self._problems - 1
        return f" (and {others} more cannot be read)" if others else ""


def form_of(recipe: Recipe, first: list[Row]) -> Form:
    """The form in which a recipe's method reads such rows.

    Raises:
        DatasetError: if there is none, or it lacks a column that a reward reads.
    """
    method, source = method_of(recipe), recipe["dataset"]["source"]
    wanted = method.reads(recipe)
    form = choose_form(method.columns, wanted, first)
    has = f"dataset.source: {source} has columns {', '.join(first[0])}"
    if form is None:
        needed = ", or ".join(" and ".join(names) for names in method.columns)
        raise DatasetError(f"{has}; {method.name} needs {needed}, or a form of them: {method.forms}")
    if missing := [name for name in wanted if name not in form.gives]:
        raise DatasetError(f"{has}; {method.reader_of(recipe, missing[0])} needs {missing[0]}")
    return form


def _lines_of(file: Path) -> Iterator[Row]:
    with file.open("rb") as lines:
        for line in lines:
            yield json.loads(line)


def _key(recipe: Recipe, commit: str) -> str:
    """Names what the examples of a data set of the hub follow from."""
    dataset, method = recipe["dataset"], method_of(recipe)
    parts = [dataset, commit, method.name, method.reads(recipe), recipe["seed"], _reading_code()]
    return "hub-" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def _reading_code() -> str:
    """SHA-256 over the code that reads rows."""
    digest = hashlib.sha256()
    here = Path(__file__)
    for file in [here, *sorted((here.parent / "data").glob("*.py")), here.with_name("rewards.py")]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _kept(pointer: str) -> Examples | None:
    """Examples that an earlier run has kept; None where they are not, or no longer."""
    content = storage.read_bytes(pointer)
    if content is None:
        return None
    known = Examples(**json.loads(content))
    known = replace(known, columns=tuple(known.columns))
    folder, _, name = known.uri.rpartition("/")
    return known if name in storage.list_sizes(folder) else None


@cache
def _own_root() -> str:
    folder = tempfile.TemporaryDirectory(prefix="examples-")
    atexit.register(folder.cleanup)
    return Path(folder.name).as_uri()
