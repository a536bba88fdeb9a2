import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import type { RehearsalRecord } from "../../../../contracts/rehearsal";
import { layout } from "../../../../machine/checkout.mjs";
import { rehearsalOf } from "../../../../provider/handlers/rehearsal";
import type { RehearsalInputs } from "../../../../provider/resources/rehearsal";
import { RehearsalError } from "../../../../rehearsal/rehearse";
import { broken, contents, identityOf, recordOf } from "../../rehearsal/records";
import { recordingContext } from "../context";

const identity = identityOf();
const folder = path.join(layout.state, "stacks", "test-rehearsal-handler", "rehearsals");

const inputs: RehearsalInputs = {
  identity: identity.identity,
  parts: identity.parts,
  rehearsalCode: identity.rehearsalCode,
  recipe: contents.recipe,
  plan: contents.plan,
  processes: 2,
  folder,
};

/** A handler whose rehearsals end as is said, with what is kept of earlier ones. */
function handlerOf(outcome: () => RehearsalRecord = () => recordOf(identity), kept: RehearsalRecord[] = []) {
  const rehearsed: string[] = [];
  const handler = rehearsalOf({
    rehearse: (what, { onLine }) => {
      rehearsed.push(what.recipe.name);
      onLine("trains 2 of 4 steps");
      return Promise.resolve().then(outcome);
    },
    recordsOf: () => kept,
  });
  return { handler, rehearsed };
}

const stateOf = async () => (await handlerOf().handler.create(inputs, recordingContext())).state;

describe("Rehearsal", () => {
  it("rehearses, tells how far it is, and keeps what that proved", async () => {
    const { handler, rehearsed } = handlerOf();
    const context = recordingContext();
    const { id, state } = await handler.create(inputs, context);
    expect(id).toBe(`sft-70b-${identity.identity.slice(0, 12)}`);
    expect(state).toMatchObject({ seconds: 80, invariants: 1, finishedAt: "2026-11-29T12:00:00Z" });
    expect(state.report).toContain(path.join("rehearsals", `${id}.json`));
    expect(rehearsed).toEqual(["sft-70b"]);
    expect(context.lines).toContain("trains 2 of 4 steps");
  });

  it("takes what is kept of a rehearsal of the same, and says so in the preview as well", async () => {
    const { handler, rehearsed } = handlerOf(undefined, [recordOf(identity)]);
    const context = recordingContext();
    handler.announce?.(inputs, context);
    const { state } = await handler.create(inputs, context);
    expect(state.invariants).toBe(1);
    expect(rehearsed).toEqual([]);
    expect(context.lines).toEqual(
      Array(2).fill("sft-70b has been rehearsed (2026-11-29T12:00:00Z) and passed: it is not rehearsed again"),
    );
  });

  it.each([
    ["failed", recordOf(identity, broken)],
    ["left a half out", recordOf(identity, {}, ["the dry run at full size"])],
    ["was made by other code", recordOf(identityOf({}, "0ther"))],
    ["is of another run", recordOf(identityOf({ code: "0ther" }))],
  ])("rehearses anew where what is kept %s", async (_what, record) => {
    const { handler, rehearsed } = handlerOf(undefined, [record]);
    const context = recordingContext();
    handler.announce?.(inputs, context);
    await handler.create(inputs, context);
    expect(rehearsed).toEqual(["sft-70b"]);
    expect(context.lines[0]).toBe("rehearses sft-70b first: this machine's processors, some minutes, $0.00");
  });

  it("fails with the invariants that do not hold, so that nothing after it is started", async () => {
    const { handler } = handlerOf(() => recordOf(identity, broken));
    await expect(handler.create(inputs, recordingContext())).rejects.toThrow(
      /^the rehearsal of sft-70b failed:\n {2}- the adapter is not empty: 0 tensors: write it whole\nNothing was started/,
    );
  });

  it("fails with the reason where it could not be carried out", async () => {
    const { handler } = handlerOf(() => {
      throw new RehearsalError("no memory");
    });
    await expect(handler.create(inputs, recordingContext())).rejects.toThrow("no memory");
  });

  it("says that nothing of it goes on where somebody ends it", async () => {
    const context = recordingContext();
    const { handler } = handlerOf(() => {
      context.cancel();
      throw new Error("aborted");
    });
    await expect(handler.create(inputs, context)).rejects.toThrow(
      "the rehearsal of sft-70b was ended, and nothing of it goes on; the next `pulumi up` begins it anew",
    );
  });

  it("is another one for another run, and itself again for other code that rehearses, which both are told", async () => {
    const { handler, rehearsed } = handlerOf();
    const state = await stateOf();
    const context = recordingContext();
    expect(await handler.diff("id", state, inputs, context)).toEqual({ changes: false, replaces: [] });
    const other = identityOf({ code: "0ther" });
    const another = { ...inputs, identity: other.identity, parts: other.parts };
    expect(await handler.diff("id", state, another, context)).toEqual({ changes: true, replaces: ["identity"] });
    const later = { ...inputs, rehearsalCode: "0ther" };
    expect(await handler.diff("id", state, later, context)).toEqual({ changes: true, replaces: [] });
    expect(context.lines.at(-1)).toMatch(/^rehearses sft-70b first: .*; what rehearses has changed$/);
    await handler.update("id", state, later, context);
    expect(rehearsed).toEqual(["sft-70b"]);
  });

  it("is not made again for another folder, and stays proven without its report", async () => {
    const { handler, rehearsed } = handlerOf();
    const state = await stateOf();
    const moved = await handler.update("id", state, { ...inputs, folder: "/elsewhere" }, recordingContext());
    expect(moved).toEqual({ ...state, folder: "/elsewhere" });
    expect(await handler.read("id", state, recordingContext())).toEqual(state);
    expect(rehearsed).toEqual([]);
  });

  it("takes its folder of work with it when it is deleted, and nothing else", async () => {
    const { handler } = handlerOf();
    const state = await stateOf();
    for (const name of ["sft-70b-0123456789ab", "other"]) fs.mkdirSync(path.join(folder, name), { recursive: true });
    await handler.delete("sft-70b-0123456789ab", state, recordingContext());
    expect(fs.readdirSync(folder)).toEqual(["other"]);
    fs.rmSync(path.dirname(folder), { recursive: true });
  });

  it("leaves another checkout's folder as it is, and says so", async () => {
    const { handler } = handlerOf();
    const elsewhere = fs.mkdtempSync("/tmp/rehearsals-");
    const context = recordingContext();
    await handler.delete("id", { ...(await stateOf()), folder: elsewhere }, context);
    expect(context.lines.at(-1)).toMatch(/^the rehearsal is another checkout's and stays as it is/);
    fs.rmSync(elsewhere, { recursive: true });
  });
});
