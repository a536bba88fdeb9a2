import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { Incarnations } from "../../../../provider/incarnations";
import { EngineLog } from "../../../../provider/engineLog";
import { password } from "../../../../provider/handlers/password";
import { PostTrainingProvider } from "../../../../provider/plugin/postTrainingProvider";
import { resourceTypes } from "../../../../provider/resourceTypes";
import { signatureKey } from "../../../../provider/wire";
import { recordingContext } from "../context";

const context = recordingContext();
const make = (length: number) => password.create({ length, generation: 1 }, context);

describe("Password", () => {
  it("is of the length asked for, of letters and digits that no connection string has to escape, and never the same twice", async () => {
    const made = await Promise.all(Array.from({ length: 200 }, () => make(32)));
    const values = made.map(({ state }) => state.value);
    for (const value of values) expect(value).toMatch(/^[A-Za-z][A-Za-z0-9]{31}$/);
    expect(new Set(values).size).toBe(200);
    expect(new Set(made.map(({ id }) => id)).size).toBe(200);
    // All 62 characters turn up: 6,400 draws miss a given one with a chance of about 10^-45.
    expect(new Set(values.join("")).size).toBe(62);
  });

  it("stays what it is until another generation or length is asked for, and is made anew then", async () => {
    const { id, state } = await make(32);
    const diff = (length: number, generation: number) => password.diff(id, state, { length, generation }, context);
    expect(await diff(32, 1)).toEqual({ changes: false, replaces: [] });
    expect(await diff(32, 2)).toEqual({ changes: true, replaces: ["generation"] });
    expect(await diff(40, 1)).toEqual({ changes: true, replaces: ["length"] });
    expect(await password.read(id, state, context)).toEqual(state);
  });

  it("reaches the engine as a secret, and neither its id nor any line of the log holds it", async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "incarnations-"));
    const lines: string[] = [];
    const log = { write: (...line: unknown[]) => lines.push(line.join(" ")) } as unknown as EngineLog;
    const provider = new PostTrainingProvider(log, new Incarnations(directory));
    const urn = `urn:pulumi:s::p::${resourceTypes.password}::database`;
    const created = await provider.create(urn, { length: 32, generation: 1 });
    const value = (created.outs as Record<string, Record<string, unknown>>).value;
    expect(value).toHaveProperty(signatureKey);
    expect(created.id).not.toContain(value?.value);
    expect(lines.join("\n")).not.toContain(value?.value);
  });
});
