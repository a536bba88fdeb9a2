import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { type LocalReading, readLocal } from "../../../configuration/local";
import type { Machine } from "../../../preflight/machine";
import { modelErrors } from "../../../preflight/modelChecks";
import { machineOf } from "../program/program";

/** A folder of each test's own, with the records, models and datasets that the test writes, and a machine that finds them there. */
export function temporaryModels() {
  let folder = "";
  const asked: string[] = [];

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "models-"));
  });

  afterEach(() => {
    fs.rmSync(folder, { recursive: true });
  });

  const at = (...names: readonly string[]): string => path.join(folder, ...names);

  function write(file: string, content: unknown = ""): void {
    fs.mkdirSync(path.dirname(at(file)), { recursive: true });
    fs.writeFileSync(at(file), typeof content === "string" ? content : JSON.stringify(content));
  }

  /** A machine whose hub has nothing at all. */
  function machine(change: Partial<Machine> = {}): Machine {
    asked.length = 0;
    return machineOf({
      hubHome: at("hub home"),
      runsDirectory: at("runs"),
      askHub: (url) => {
        asked.push(url);
        return Promise.resolve({ kind: "missing" });
      },
      ...change,
    });
  }

  /** Fields that are refused on a machine. */
  async function fields(reading: LocalReading, on = machine()): Promise<string[]> {
    expect(reading.errors).toEqual([]);
    return (await modelErrors(reading, on)).map(({ path: field }) => field);
  }

  return { at, write, machine, asked, fields };
}

export const stagesOf = (...stages: readonly unknown[]): LocalReading => readLocal({ kind: "local", stages });

export const tiny = { name: "sft", recipe: "sft-tiny" };
export const hub = { ...tiny, set: { model: { base: "owner/model" } } };
