"""A small Metaflow flow that does what the driver's tests tell it to by the variable `FIXTURE_FLOW`; it trains nothing.

Fields of the JSON object in it, all optional:
    steps, secondsPerStep   length of the step `train`
    failAt                  step that raises an exception
    killAt                  step whose process kills itself
    promoted                what the gate said (default true)
    result                  "missing", "text", "set" or "foreign": leave no result, or one that is not plain JSON
    child                   start a process in a session of its own, as torchrun does, and wait for it; "stray": do not;
                            "bare": in the run's session and without an environment, as a program that changes its title
    loss                    "nan": report losses that are not numbers
    registers               write a model's lineage and promotion below `run.modelsRoot`, a file:/// prefix
    fills                   file to which is written until the disk is full, and then in vain, as one that retries does
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from metaflow import Config, FlowSpec, card, current, step
from metaflow.cards import Markdown

_ORDERS = json.loads(os.environ.get("FIXTURE_FLOW", "{}"))

_CHILD = "import time\nwhile True: time.sleep(1)"


class Foreign:
    """A class that only this file knows, so that nobody else can read an artifact of it."""


def _fill(file: Path) -> None:
    with file.open("ab", buffering=0) as stream:
        while True:
            try:
                stream.write(b"x" * 65536)
            except OSError:
                time.sleep(0.1)


class FixtureFlow(FlowSpec):
    run_config = Config("run", default_value='{"recipe": {}}')

    @step
    def start(self):
        self._obey("start")
        print(
            "ENVIRONMENT "
            + json.dumps({"cwd": str(Path.cwd()), "python": sys.executable, "variables": dict(os.environ)}),
            flush=True,
        )
        self.next(self.train)

    @card(type="blank")
    @step
    def train(self):
        current.card.append(Markdown("# Card of the fixture"))
        if _ORDERS.get("child"):
            # Metaflow takes a step for unfinished as long as anybody holds its output.
            stray, bare = _ORDERS["child"] == "stray", _ORDERS["child"] == "bare"
            output = subprocess.DEVNULL if stray else None
            child = subprocess.Popen(
                [sys.executable, "-c", _CHILD],
                start_new_session=not bare,
                env={} if bare else None,
                stdout=output,
                stderr=output,
            )
            print(f"CHILD {child.pid}", flush=True)
            if not stray:
                child.wait()
        if "fills" in _ORDERS:
            _fill(Path(_ORDERS["fills"]))
        steps = int(_ORDERS.get("steps", 2))
        pause = float(_ORDERS.get("secondsPerStep", 0.01))
        self._obey("train")
        for number in range(1, steps + 1):
            time.sleep(pause)
            progress = {
                "phase": "train",
                "step": number,
                "totalSteps": steps,
                "loss": math.nan if _ORDERS.get("loss") == "nan" else 1 / number,
                "secondsLeft": (steps - number) * pause,
            }
            print("POSTTRAINING_PROGRESS " + json.dumps(progress), flush=True)
        self.next(self.end)

    @step
    def end(self):
        self._obey("end")
        if _ORDERS.get("result") == "missing":
            return
        wrong = {"text": "promoted", "set": {"promoted": True, "gate": {1}}, "foreign": Foreign()}
        if "result" in _ORDERS:
            self.result = wrong[_ORDERS["result"]]
            return
        promoted = bool(_ORDERS.get("promoted", True))
        self.result = {
            "modelUri": f"{self.run_config['modelsRoot']}/{self.run_config['name']}/{current.run_id}",
            "promoted": promoted,
            "gate": [{"metric": "fixture/accuracy", "value": 0.5, "minimum": 0.1, "passed": promoted}],
            "metrics": {"fixture/accuracy": {"before": None, "after": 0.5}},
            "headline": {"metric": "fixture/accuracy", "before": None, "after": 0.5},
            "seconds": {"train": 0.1, "evaluate": 0.1},
            "baseModelUri": self.run_config["baseModelUri"],
        }
        if _ORDERS.get("registers"):
            root, name = self.run_config["modelsRoot"], self.run_config["name"]
            pointer = {"modelUri": self.result["modelUri"], "pathspec": f"{current.flow_name}/{current.run_id}"}
            self.registration = {"lineage": {"pathspec": pointer["pathspec"]}, "pointer": pointer}
            for uri, content in (
                (f"{self.result['modelUri']}/lineage.json", self.registration["lineage"]),
                (f"{root}/{name}/promoted.json", pointer),
            ):
                file = Path(uri.removeprefix("file://"))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(content))

    def _obey(self, name: str) -> None:
        if _ORDERS.get("failAt") == name:
            raise ValueError("the fixture was told to fail")
        if _ORDERS.get("killAt") == name:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    FixtureFlow()
