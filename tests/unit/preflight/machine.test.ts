import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { stackLayout } from "../../../machine/checkout.mjs";
import { thisMachine } from "../../../preflight/machine";

/** The machine that the tests run on. */

describe("this machine", () => {
  const machine = thisMachine("test-machine");

  it("has memory and disk, and no more than there is", () => {
    expect(machine.memory()).toBeGreaterThan(2 ** 28);
    expect(machine.memory()).toBeLessThan(2 ** 50);
    expect(machine.freeDisk()).toBeGreaterThan(0);
  });

  it("looks for models and runs where the stack's runs keep them", () => {
    const { runs, cache } = stackLayout("test-machine");
    expect(machine.runsDirectory).toBe(runs);
    expect(machine.hubHome).toBe(path.join(cache, "huggingface"));
  });

  it("knows no module that nobody has", () => {
    expect(machine.hasModule("no_such_module")).toBe(false);
  });

  it("names a port that a program has which is not the stack's, and none that is free", async () => {
    const server = net.createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        resolve((server.address() as net.AddressInfo).port);
      });
    });
    const problem = await machine.portProblem(port, "store");
    await new Promise((resolve) => server.close(resolve));
    expect(problem).toBe(
      `port ${port} on 127.0.0.1 is taken by another program: set store.port to a free port, or leave it out to have one chosen`,
    );
    expect(await machine.portProblem(port, "store")).toBeUndefined();
    expect(fs.existsSync(stackLayout("test-machine").directory)).toBe(false);
  });
});
