import { describe, expect, it } from "vitest";
import { Heartbeat } from "../../../provider/heartbeat";
import { ManualClock } from "../setup/manualClock";
import { recordingContext } from "./context";

describe("a long operation", () => {
  it("says what it waits for and since when, and begins anew with whatever happens", async () => {
    const context = recordingContext();
    const clock = new ManualClock();
    const heartbeat = new Heartbeat(context, "starting the run sft-0123", clock);
    let end: (value: string) => void = () => undefined;
    const work = heartbeat.during(new Promise<string>((resolve) => (end = resolve)));
    clock.pass(25);
    heartbeat.progress("train 10/400");
    clock.pass(45);
    end("done");
    expect(await work).toBe("done");
    clock.pass(60);
    expect(context.lines).toEqual([
      "starting the run sft-0123, for 20 s",
      "train 10/400",
      "train 10/400, for 20 s",
      "train 10/400, for 40 s",
    ]);
  });
});
