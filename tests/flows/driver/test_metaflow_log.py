"""What the driver reads out of Metaflow's log."""

import math
from typing import Any

import pytest

from posttraining.driver.metaflow_log import LogEvents, find_error, parse_line, parse_progress
from posttraining.progress import progress_line


def line(text: str, step: str = "train", task: str = "2", pid: int = 100) -> str:
    return f"2025-01-31 12:00:00.000 [1738324800000000/{step}/{task} (pid {pid})] {text}"


def progress(number: int, phase: str = "train", task: str = "2") -> str:
    return line(f'POSTTRAINING_PROGRESS {{"phase": "{phase}", "step": {number}, "totalSteps": 9}}', task=task)


def told(number: int, phase: str = "train") -> dict[str, Any]:
    return {"event": "progress", "phase": phase, "step": number, "totalSteps": 9}


def test_takes_the_last_drawing_of_a_progress_bar() -> None:
    parsed = parse_line(line("  5%|#  |\r 10%|## |"))
    assert parsed is not None
    assert (parsed.step, parsed.task, parsed.text) == ("train", "2", " 10%|## |")


def test_lines_of_the_flow_itself_belong_to_no_task() -> None:
    assert parse_line("2025-01-31 12:00:00.000 Workflow starting (run-id 1738324800000000):") is None
    assert parse_line("    Step failure:") is None


def test_finds_progress_behind_anything_and_before_anything() -> None:
    sent = progress_line("train", step=3, total_steps=9, seconds_left=1.5, loss=0.5, metric={"reward": 1.0})
    assert parse_progress(f"[rank0]: {sent} 100%|###|") == {
        "phase": "train",
        "step": 3,
        "totalSteps": 9,
        "loss": 0.5,
        "metric": {"reward": 1.0},
        "secondsLeft": 1.5,
    }


def test_progress_without_finite_numbers_is_still_told() -> None:
    sent = progress_line("train", 3, 9, None, loss=math.nan, metric={"reward": math.inf, "length": 2.0})
    assert parse_progress(sent) == {
        "phase": "train",
        "step": 3,
        "totalSteps": 9,
        "loss": None,
        "metric": {"length": 2.0},
        "secondsLeft": None,
    }


@pytest.mark.parametrize(
    "text",
    [
        "loss 0.1",
        "POSTTRAINING_PROGRESS 3",
        'POSTTRAINING_PROGRESS {"phase": "train", "step": 3, "totalSt',
        'POSTTRAINING_PROGRESS {"phase": "train", "step": 3}',
        'POSTTRAINING_PROGRESS {"phase": "train", "step": "3", "totalSteps": 9}',
        'POSTTRAINING_PROGRESS {"step": 3, "totalSteps": 9}',
    ],
)
def test_lines_that_only_look_like_progress_are_not_told(text: str) -> None:
    assert parse_progress(text) is None


def test_tells_only_the_newest_progress_of_each_task_and_phase() -> None:
    events = LogEvents()
    first = [progress(1), progress(2), progress(1, task="3"), progress(9, phase="evaluate"), progress(3)]
    assert events.read(first) == [
        told(1),
        told(9, phase="evaluate"),
        told(3),
    ]
    assert events.read([progress(4)]) == [told(4)]


def test_a_progress_object_cannot_pass_for_another_event() -> None:
    sent = line('POSTTRAINING_PROGRESS {"event": "result", "phase": "train", "step": 1, "totalSteps": 9}')
    assert LogEvents().read([sent]) == [told(1)]


def test_a_step_with_several_tasks_starts_once_and_finishes_once() -> None:
    events = LogEvents().read(
        [
            line("Task is starting.", task="2"),
            line("Task is starting.", task="3"),
            line("Task finished successfully.", task="2"),
            line("Task failed.", task="3"),
            line("Task is starting (retry).", task="3", pid=101),
            line("Task finished successfully.", task="3", pid=101),
        ]
    )
    states = [event["state"] for event in events if event["event"] == "step"]
    assert states == ["started", "failed", "retrying", "finished"]
    assert len(events) == len(states)


def test_the_error_is_that_of_the_last_attempt_without_frames_of_metaflow() -> None:
    found = find_error(
        [
            line("Task is starting."),
            line("ValueError: of the first attempt"),
            line("Task failed."),
            line("Task is starting (retry).", pid=101),
            line("loading weights", pid=101),
            line("50%|#|\r100%|##|<flow Sft step train> failed:", pid=101),
            line("Internal error", pid=101),
            line("Traceback (most recent call last):", pid=101),
            line('File "/e/lib/python3.11/site-packages/metaflow/cli.py", line 739, in main', pid=101),
            line('start(auto_envvar_prefix="METAFLOW", obj=state)', pid=101),
            line("^^^^^^^^", pid=101),
            progress(7, task="2"),
            line('File "/p/flow.py", line 17, in train', pid=101),
            line("check: Check = check(rows)", pid=101),
            line("^^^^^", pid=101),
            line('File "<string>", line 1, in __init__', pid=101),
            line("ValueError: 3 rows have no answer:", pid=101),
            line("rows 1, 2 and 3", pid=101),
            line("", pid=101),
            line("Task failed.", pid=101),
            "2025-01-31 12:00:00.000 Workflow failed.",
            line("Task failed.", step="other", task="9", pid=102),
            "    Step failure:",
            "    Step train (task-id 2) failed.",
        ]
    )
    assert found.step == "train"
    assert found.message == "ValueError: 3 rows have no answer:"
    assert found.lines == [
        "loading weights",
        "100%|##|",
        "Traceback (most recent call last):",
        'File "/p/flow.py", line 17, in train',
        "check: Check = check(rows)",
        "^^^^^",
        'File "<string>", line 1, in __init__',
        "ValueError: 3 rows have no answer:",
        "rows 1, 2 and 3",
    ]


def test_the_exception_of_a_child_process_matters_more_than_that_it_failed() -> None:
    found = find_error(
        [
            line("Task is starting."),
            line("[rank0]: Traceback (most recent call last):"),
            line('[rank0]:   File "/p/train.py", line 3, in <module>'),
            line("[rank0]:     main()"),
            line("[rank0]: torch.OutOfMemoryError: CUDA out of memory."),
            line("Traceback (most recent call last):"),
            line('File "/e/lib/python3.11/site-packages/torch/distributed/run.py", line 896, in run'),
            line("elastic_launch("),
            line("torch.distributed.elastic.multiprocessing.errors.ChildFailedError:"),
            line("Traceback (most recent call last):"),
            line('File "/p/flow.py", line 17, in train'),
            line("subprocess.run(command, check=True)"),
            line("subprocess.CalledProcessError: Command '['torchrun']' returned non-zero exit status 1."),
            line("Task failed."),
        ]
    )
    assert found.message == "torch.OutOfMemoryError: CUDA out of memory."


def test_an_exception_of_metaflow_has_a_message_without_a_traceback() -> None:
    found = find_error(
        [
            line("Task is starting."),
            line("<flow Sft step train> failed:"),
            line("S3 access failed:"),
            line("the bucket does not exist"),
            line(""),
            line("Task failed."),
        ]
    )
    assert found.message == "S3 access failed: the bucket does not exist"


def test_shows_the_last_lines_only() -> None:
    printed = [line(f"row {number}") for number in range(100)]
    found = find_error([line("Task is starting."), *printed, line("Task failed.")], limit=3)
    assert found.lines == ["row 97", "row 98", "row 99"]


def test_an_empty_log_has_an_error_too() -> None:
    found = find_error([])
    assert (found.step, found.message, found.lines) == (None, "the flow ended without a message", [])
