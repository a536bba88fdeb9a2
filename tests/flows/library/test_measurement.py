from typing import Any

import numpy as np
import pytest

from posttraining.measurement import Measurement, compared, flatten_results, measurement, paired


def test_metrics_are_named_by_task_metric_and_filter():
    results = {
        "gsm8k": {
            "alias": "gsm8k",
            "exact_match,strict-match": 0.5,
            "exact_match_stderr,strict-match": 0.1,
            "exact_match,flexible-extract": 0.6,
        },
        "ifeval": {"prompt_level_strict_acc,none": 1, "prompt_level_strict_acc_stderr,none": "N/A"},
        "mmlu_anatomy": {"acc,none": 0.3},
    }
    assert flatten_results(results, ["gsm8k", "ifeval"]) == {
        "gsm8k/exact_match@strict-match": 0.5,
        "gsm8k/exact_match@flexible-extract": 0.6,
        "ifeval/prompt_level_strict_acc": 1.0,
    }
    assert flatten_results(results, ["gsm8k", "ifeval"], "_stderr") == {"gsm8k/exact_match@strict-match": 0.1}


def sample(number: int, filter_name: str = "none", response: Any = "4", **values: Any) -> dict[str, Any]:
    """What lm-eval logs of one document."""
    return {
        "doc_id": number,
        "doc": {},
        "doc_hash": f"{number:064d}",
        "target": "4",
        "arguments": [(f"{'long ' * 500}2 plus 2?", {"until": []})],
        "resps": [[response]],
        "filter": filter_name,
        "metrics": list(values),
        **values,
    }


FINGERPRINTS = {"sums": "alike"}


def test_a_documents_values_are_kept_where_their_mean_is_the_metric():
    results = {
        "results": {
            "sums": {
                "right,none": 0.5,
                "right_stderr,none": 0.5,
                "share,none": 0.25,
                "words,none": 2 / 3,
                "bleu,none": 13.5,
                "bleu_stderr,none": 1.5,
                "f1,none": 0.4,
                "odd,none": 0.5,
            }
        },
        "samples": {
            "sums": [
                sample(
                    1, right=np.bool_(True), share=np.float64(0.5), words=[True, True], bleu=("a", "b"), f1=1, odd=0.5
                ),
                sample(0, right=False, share=0.0, words=[False], bleu=("a", "c"), f1=0),
            ]
        },
    }
    found = measurement(results, ["sums"], FINGERPRINTS)
    # In the documents' order; a mean over words, a corpus's metric, one that is no mean, and one that a document lacks have none.
    assert found["samples"] == {"sums/right": [0.0, 1.0], "sums/share": [0.0, 0.5]}
    assert found["errors"] == {"sums/right": 0.5, "sums/bleu": 1.5}
    assert found["documents"] == {"sums": [f"sums/0:{0:016d}", f"sums/1:{0:016d}"]}
    (shown, _) = found["answers"]["sums"]
    assert (shown["answer"], shown["target"], shown["values"]["right"]) == ("4", "4", False)
    assert len(shown["prompt"]) == 2000
    assert shown["prompt"].endswith("2 plus 2?")


def test_a_groups_values_are_its_tasks_documents():
    results = {
        "results": {"both": {"acc,none": 2 / 3}, "apart": {"acc,none": 0.75}},
        "group_subtasks": {"both": ["inner", "b"], "inner": ["a"], "apart": ["a", "b"]},
        "samples": {"a": [sample(0, acc=1.0)], "b": [sample(0, acc=0.0), sample(1, acc=1.0)]},
    }
    found = measurement(results, ["both", "apart"], FINGERPRINTS)
    # A group that weighs its tasks alike is not the mean over documents.
    assert found["samples"] == {"both/acc": [1.0, 0.0, 1.0]}
    assert len(found["documents"]["apart"]) == 3


def test_answers_to_choices_are_their_likelihoods():
    choice = sample(0, acc=1.0) | {
        "arguments": [("2 plus 2?", " 4"), ("2 plus 2?", " 5")],
        "resps": [[(-1.5, True)], [(-3.0, False)]],
    }
    results = {"results": {"sums": {"acc,none": 1.0}}, "samples": {"sums": [choice]}}
    (shown,) = measurement(results, ["sums"], FINGERPRINTS)["answers"]["sums"]
    assert shown["answer"] == "-1.500  4\n-3.000  5"


def measured(**changes: Any) -> Measurement:
    found: dict[str, Any] = {
        "fingerprints": FINGERPRINTS,
        "metrics": {"sums/right": 0.5, "sums/bleu": 13.5},
        "errors": {"sums/right": 0.35, "sums/bleu": 1.5},
        "documents": {"sums": ["0:a", "1:b"]},
        "samples": {"sums/right": [0.0, 1.0]},
        "answers": {},
    }
    return Measurement(**(found | changes))


def test_errors_of_a_gain_are_those_of_the_pairs():
    after = measured(metrics={"sums/right": 1.0, "sums/bleu": 15.5}, samples={"sums/right": [1.0, 1.0]})
    assert compared(measured(), after) == {
        "sums/right": {"before": 0.5, "after": 1.0, "standardError": {"before": 0.5, "after": 0.0, "gain": 0.5}},
        "sums/bleu": {"before": 13.5, "after": 15.5, "standardError": {"before": 1.5, "after": 1.5, "gain": None}},
    }
    assert paired(measured(), after) == {"sums/right": {"before": [0.0, 1.0], "after": [1.0, 1.0]}}


@pytest.mark.parametrize("change", [{"documents": {"sums": ["0:a", "1:c"]}}, {"fingerprints": {"sums": "other"}}])
def test_other_documents_make_no_pairs(change: dict[str, Any]):
    assert paired(measured(**change), measured()) == {"sums/right": {"before": None, "after": [0.0, 1.0]}}
    assert compared(measured(**change), measured())["sums/right"].get("standardError", {}).get("gain") is None


def test_what_has_no_error_says_nothing_of_one():
    plain = measured(metrics={"sums/f1": 0.5}, errors={}, samples={})
    assert compared(plain, plain) == {"sums/f1": {"before": 0.5, "after": 0.5}}
