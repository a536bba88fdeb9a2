"""The gates of the recipes that come with the project, on models of which it is known whether they are better than their base."""

import numpy as np
import pytest

from posttraining.confidence import least_share_gain
from posttraining.contracts.recipe import GateCondition, Recipe
from posttraining.gate import DocumentValues, Metrics, judge, passes
from posttraining.run_document import RECIPES, read_run_document

# Documents of a task, of the data sets as they are published.
DOCUMENTS = {"gsm8k": 1319, "ifeval": 541, "truthfulqa_mc2": 817}
TINY_DOCUMENTS = 200

NAMES = sorted(file.stem for file in RECIPES.glob("*.yaml"))


def shipped(name: str) -> Recipe:
    return read_run_document((RECIPES / f"{name}.yaml").read_text(encoding="utf-8"))["recipe"]


def documents_of(recipe: Recipe, condition: GateCondition) -> int:
    count = DOCUMENTS.get(condition["metric"].partition("/")[0], TINY_DOCUMENTS)
    return min(count, recipe["evaluation"].get("limit", count))


def share_passing(condition: GateCondition, won: np.ndarray, lost: np.ndarray, count: int) -> float:
    """The share of runs that meet a condition's demand for a gain, by the documents that became right and wrong in each."""
    confidence = condition.get("confidence", 0.99)
    pairs, times = np.unique(np.stack([won, lost], axis=1), axis=0, return_counts=True)
    bounds = np.array([least_share_gain(int(one), int(other), count, confidence) for one, other in pairs])
    return float(times[bounds >= condition.get("minimumGain", np.inf)].sum() / len(won))


def unchanged_runs(count: int, spread: float, runs: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Documents that become right and wrong where one model answers twice by chance, each with the document's own probability.

    Args:
        count: documents.
        spread: of the probabilities: small, and most documents are always right or always wrong; large, and all are tossed.
        runs: how many.
    """
    source = np.random.default_rng(0)
    right = source.beta(spread, spread, count)
    won = np.zeros(runs, dtype=int)
    lost = np.zeros(runs, dtype=int)
    for run in range(runs):
        before, after = source.random(count) < right, source.random(count) < right
        won[run], lost[run] = int((after & ~before).sum()), int((before & ~after).sum())
    return won, lost


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spread", [0.05, 0.5, 50])
def test_an_unchanged_model_passes_in_less_than_one_run_of_a_hundred(name: str, spread: float):
    recipe = shipped(name)
    chances = []
    for condition in recipe["gate"]:
        if condition["metric"] == "train/rewards.margins":
            # Of a model that is its own reference the margin is 0, in every run.
            chances.append(0.0 if condition.get("minimum", 0) > 0 else 1.0)
        elif "minimumGain" in condition:
            count = documents_of(recipe, condition)
            chances.append(share_passing(condition, *unchanged_runs(count, spread), count))
    assert min(chances) < 0.01, chances


def test_a_gain_by_itself_says_less_than_that():
    """What a bound is for: half a thousand documents, a gain of 0.02 in the values themselves."""
    won, lost = unchanged_runs(500, 0.5)
    assert np.mean((won - lost) / 500 >= 0.02) > 0.08
    assert share_passing({"metric": "gsm8k/exact_match", "minimumGain": 0.02}, won, lost, 500) < 0.002


@pytest.mark.parametrize("count", [50, 200, 500, 541, 1319])
def test_a_bound_above_the_truth_is_as_rare_as_it_says(count: int):
    for spread in (0.05, 0.5, 50):
        won, lost = unchanged_runs(count, spread, runs=3000)
        # A hundredth, and three standard errors of such a share among three thousand.
        assert share_passing({"metric": "a/b", "minimumGain": 1e-9}, won, lost, count) < 0.01 + 3 * 0.0018


# Gains with which a training is worth its price, the share of documents that it changes, and how often they are seen.
POWER = [
    ("sft-3b", 0.15, 0.35, 0.95),
    ("sft-70b", 0.15, 0.35, 0.95),
    ("grpo-3b", 0.08, 0.25, 0.95),
    ("grpo-70b", 0.03, 0.06, 0.9),
    # Those may lose nothing: a model that is as good as its base passes.
    ("dpo-3b", 0.0, 0.1, 0.95),
    ("dpo-70b", 0.0, 0.1, 0.95),
]


@pytest.mark.parametrize(("name", "gain", "changed", "least"), POWER)
def test_a_real_gain_passes(name: str, gain: float, changed: float, least: float):
    recipe = shipped(name)
    (condition,) = (condition for condition in recipe["gate"] if "minimumGain" in condition)
    count = documents_of(recipe, condition)
    shares = [(changed + gain) / 2, (changed - gain) / 2, 1 - changed]
    runs = np.random.default_rng(0).multinomial(count, shares, size=20_000)
    assert share_passing(condition, runs[:, 0], runs[:, 1], count) > least


@pytest.mark.parametrize("name", ["dpo-3b", "dpo-70b"])
def test_a_loss_does_not(name: str):
    recipe = shipped(name)
    (condition,) = (condition for condition in recipe["gate"] if "minimumGain" in condition)
    count = documents_of(recipe, condition)
    runs = np.random.default_rng(0).multinomial(count, [0.05, 0.11, 0.84], size=20_000)
    assert share_passing(condition, runs[:, 0], runs[:, 1], count) < 0.05


def of(before: float, after: float) -> DocumentValues:
    """Two hundred documents, of which as few as can be differ."""
    right, now = round(200 * before), round(200 * after)
    return {"before": [1.0] * right + [0.0] * (200 - right), "after": [1.0] * now + [0.0] * (200 - now)}


@pytest.mark.parametrize(
    ("name", "reached"),
    [
        ("sft-tiny", {"tiny_sums/number": (0.0, 1.0)}),
        ("dpo-tiny", {"tiny_sums_preference/acc": (0.575, 0.99), "tiny_sums/number": (1.0, 0.995)}),
        ("grpo-tiny", {"tiny_sums_sampled/exact_match": (0.29, 0.825), "tiny_sums/number": (1.0, 0.995)}),
    ],
)
def test_what_the_tiny_recipes_reach_passes(name: str, reached: dict[str, tuple[float, float]]):
    samples = {metric: of(before, after) for metric, (before, after) in reached.items()}
    metrics: Metrics = {metric: {"before": before, "after": after} for metric, (before, after) in reached.items()}
    judged = judge(shipped(name)["gate"], metrics, samples)
    assert passes(judged), judged
    # And were as many documents as can be other ones.
    apart: dict[str, DocumentValues] = {
        metric: {"before": values["before"], "after": values["after"][::-1]} for metric, values in samples.items()
    }
    assert passes(judge(shipped(name)["gate"], metrics, apart))
