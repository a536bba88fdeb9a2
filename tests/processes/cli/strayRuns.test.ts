import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endProcess, startTimeOf } from "../../../machine/processes.mjs";
import { TemporaryCheckout } from "../../unit/setup/temporaryCheckout";
import { endStarted, identify, start } from "../startedProcesses";

let checkout: TemporaryCheckout;

beforeEach(() => {
  checkout = new TemporaryCheckout();
  checkout.linkPackages();
});

afterEach(() => {
  endStarted();
  checkout.remove();
});

describe("a run of no stage", () => {
  it("is a live one of which the state knows nothing; it is ended with its record, and no other is", async () => {
    const strays = await checkout.load<typeof import("../../../cli/strayRuns")>("cli/strayRuns.ts");
    const runs = ".posttraining/stacks/local/runs";
    const keys = ["sft-0123456789ab", "old-0123456789ab", "done-0123456789ab"] as const;
    const pids = await Promise.all(keys.map((key) => start("", { POSTTRAINING_DIRECTORY: checkout.file(runs, key) })));
    keys.forEach((key, index) => {
      const { pid, startTime } = identify(pids[index] ?? 0);
      checkout.write(`${runs}/${key}/supervisor.json`, JSON.stringify({ pid, started: startTime }));
      checkout.write(`${runs}/.${key}.lock`, "");
    });
    await endProcess(identify(pids[2] ?? 0));
    const resources = [{ urn: "u", type: "t", id: "sft-0123456789ab" }];
    checkout.write(
      ".posttraining/pulumi/state/.pulumi/stacks/posttraining/local.json",
      JSON.stringify({ checkpoint: { latest: { resources } } }),
    );
    const lines: string[] = [];
    await strays.endStrayRuns("local", (line) => lines.push(line));
    expect(lines).toEqual([expect.stringContaining("Ending run old-0123456789ab")]);
    expect(startTimeOf(pids[0] ?? 0)).toBeDefined();
    expect(startTimeOf(pids[1] ?? 0)).toBeUndefined();
    expect(fs.readdirSync(checkout.file(runs)).sort()).toEqual(
      [".done-0123456789ab.lock", ".sft-0123456789ab.lock", "done-0123456789ab", "sft-0123456789ab"].sort(),
    );
  });
});
