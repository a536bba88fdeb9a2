import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EngineLog } from "../../../provider/engineLog";
import type { AnyHandler } from "../../../provider/handler";
import { Incarnations } from "../../../provider/incarnations";
import { PostTrainingProvider } from "../../../provider/plugin/postTrainingProvider";

/** What becomes of a thing whose resource is replaced by force: old and new resource have one id and stand for one thing. */

const urn = "urn:pulumi:stack::project::component$thing::name";
let directory: string;
/** What was deleted. */
let deleted: string[];

const handler: AnyHandler = {
  secrets: [],
  diff: () => Promise.resolve({ changes: false, replaces: [] }),
  create: (inputs) => Promise.resolve({ id: "same", state: { ...inputs } }),
  read: (_id, state) => Promise.resolve(state),
  update: (_id, _state, news) => Promise.resolve({ ...news }),
  delete: (id, state) => {
    deleted.push(`${id} ${JSON.stringify(state)}`);
    return Promise.resolve();
  },
};

/** A provider as a new operation starts it; its process lives as long as this one unless `ended` says otherwise. */
const operation = () =>
  new PostTrainingProvider({ write: () => undefined } as unknown as EngineLog, new Incarnations(directory), {
    thing: handler,
  });

/** Makes it look as if the process that wrote down what it has made had ended. */
function endMakers(): void {
  for (const file of fs.readdirSync(directory)) {
    const place = path.join(directory, file);
    const entry = JSON.parse(fs.readFileSync(place, "utf8")) as object;
    fs.writeFileSync(place, JSON.stringify({ ...entry, maker: { pid: 1, startTime: "earlier" } }));
  }
}

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "incarnations-"));
  deleted = [];
});

afterEach(() => {
  fs.rmSync(directory, { recursive: true });
});

describe("a resource that is replaced by force", () => {
  it("keeps what it stands for, and a later deletion ends that", async () => {
    const old = (await operation().create(urn, { size: 1 })).outs as object;
    const provider = operation();
    const young = (await provider.create(urn, { size: 1 })).outs as object;
    await provider.delete("same", urn, old);
    expect(deleted).toEqual([]);
    await operation().delete("same", urn, young);
    expect(deleted).toEqual(['same {"size":1}']);
  });

  it("keeps it when the engine was killed before it deleted the old one, once it has met the new one", async () => {
    const old = (await operation().create(urn, {})).outs as object;
    const young = (await operation().create(urn, {})).outs as object;
    endMakers();
    const next = operation();
    await next.diff("same", urn, young, {});
    await next.delete("same", urn, old);
    expect(deleted).toEqual([]);
  });

  it("is the old one when the engine was killed before it had saved the new one", async () => {
    const old = (await operation().create(urn, {})).outs as object;
    await operation().create(urn, {});
    endMakers();
    await operation().delete("same", urn, old);
    expect(deleted).toHaveLength(1);
  });

  it("keeps it when the old one was made before this was written down", async () => {
    const provider = operation();
    await provider.create(urn, {});
    await provider.delete("same", urn, {});
    expect(deleted).toEqual([]);
  });
});

describe("a resource that is not replaced", () => {
  it("goes when it is removed, also after it was refreshed and changed in the same operation", async () => {
    const made = (await operation().create(urn, {})).outs as object;
    const provider = operation();
    const read = (await provider.read("same", urn, made)).props as object;
    await provider.diff("same", urn, read, {});
    const updated = (await provider.update("same", urn, read, {})).outs as object;
    await provider.delete("same", urn, updated);
    expect(deleted).toHaveLength(1);
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  it("is not held by another with the same id and another name", async () => {
    const provider = operation();
    const one = (await provider.create(urn, {})).outs as object;
    await provider.create(`${urn}-2`, {});
    await provider.delete("same", urn, one);
    expect(deleted).toHaveLength(1);
  });

  it("never shows its handler what this is kept by", async () => {
    const made = (await operation().create(urn, { size: 1 })).outs as object;
    await operation().delete("same", urn, made);
    expect(deleted).toEqual(['same {"size":1}']);
  });
});
