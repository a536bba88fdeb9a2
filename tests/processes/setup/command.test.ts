import { constants } from "node:os";
import { expect, it } from "vitest";
import { runInTerminal } from "../../../setup/command.mjs";

it.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)("says by which signal a program has ended: %s", async (signal) => {
  const { status } = await runInTerminal("/bin/sh", ["-c", `kill -${signal.slice("SIG".length)} $$`]);
  expect(status).toBe(128 + constants.signals[signal]);
});
