import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { layout, root } from "../../machine/checkout.mjs";
import { processesOf } from "../../machine/folderUsers";
import { resourceTypes } from "../../provider/resourceTypes";
import { TestStack } from "./pulumi";
import { typeOf } from "./urns";

/**
 * What a rehearsal lets through and what it stops, in the real engine. A stand-in (tests/processes/rehearsal/standIn.mjs) takes the place
 * of the program that rehearses, which takes minutes: that one is tested in tests/flows/rehearsal and by `npm run test:rehearsals`.
 */

const stack = new TestStack("test-rehearsal", {
  projectDirectory: path.join(root, "tests", "engine", "fixtures", "rehearsal"),
});
/** A recipe of no file: a person's rehearsals are others. */
const recipe = "sft-rehearsed-in-a-test";

const configure = (rehearsal: string, ...words: string[]): void => {
  stack.configureKeys({
    "rehearsal:recipe": recipe,
    "rehearsal:rehearsal": rehearsal,
    "rehearsal:words": JSON.stringify(words),
  });
};

const reports = (): string[] =>
  fs.existsSync(layout.rehearsals) ? fs.readdirSync(layout.rehearsals).filter((name) => name.startsWith(recipe)) : [];

const removeReports = (): void => {
  for (const name of reports()) fs.rmSync(path.join(layout.rehearsals, name));
};

/** What the driver says of the run once it is asked to start it. */
const wasTried = "outerbounds";

async function typesInState(): Promise<string[]> {
  const state = JSON.parse(await stack.ok("stack export")) as { deployment: { resources?: { urn: string }[] } };
  return (state.deployment.resources ?? []).map(({ urn }) => typeOf(urn));
}

beforeAll(() => {
  removeReports();
  fs.rmSync(stack.layout.directory, { recursive: true, force: true });
  stack.initialize();
});

afterAll(async () => {
  await stack.run("cancel", "--yes");
  await stack.run("destroy");
  removeReports();
});

describe("a run that costs money", () => {
  it("is refused where its rehearsal is required and there is none, before anything is made", async () => {
    configure("required");
    const { status, output } = await stack.run("up");
    expect(status).not.toBe(0);
    expect(output).toContain(`rehearsal: got "required", and ${recipe} has not been rehearsed`);
    expect(output).not.toMatch(new RegExp(wasTried, "i"));
    expect(await typesInState()).not.toContain(resourceTypes.flowRun);
  });

  it("is not started where its rehearsal fails first, and is refused from then on with what failed", async () => {
    configure("first", "fails");
    const { status, output } = await stack.run("up");
    expect(status).not.toBe(0);
    expect(output).toMatch(new RegExp(`the rehearsal of ${recipe} failed:\\s+- weights change: seen`));
    expect(output).not.toMatch(new RegExp(wasTried, "i"));
    configure("required");
    expect((await stack.run("up")).output).toContain("- weights change: seen");
  });

  it("waits for nothing more once somebody ends the rehearsal, of which nothing goes on", async () => {
    removeReports();
    configure("first", "hangs");
    const up = stack.spawn("up");
    let output = "";
    const ended = new Promise((resolve) => up.once("close", resolve));
    const started = new Promise<void>((resolve) => {
      const hear = (text: string): void => {
        output += text;
        if (output.includes("child ")) resolve();
      };
      up.stdout?.setEncoding("utf8").on("data", hear);
      up.stderr?.setEncoding("utf8").on("data", hear);
    });
    await started;
    up.kill("SIGINT");
    await ended;
    expect(output).toContain(`the rehearsal of ${recipe} was ended, and nothing of it goes on`);
    expect(processesOf(stack.layout.rehearsals)).toEqual([]);
    expect(reports()).toEqual([]);
  });

  it("is started once its rehearsal has passed first, and its progress was told", async () => {
    configure("first");
    const { output } = await stack.run("up");
    expect(output).toContain(`rehearsing ${recipe} with 2 processes`);
    expect(output).toMatch(new RegExp(wasTried, "i"));
    expect(await typesInState()).toContain(resourceTypes.rehearsal);
    expect(reports()).toHaveLength(1);
  });

  it("is let through where it is required, and leaves nothing but the report", async () => {
    configure("required");
    const { output } = await stack.run("up");
    expect(output).not.toContain("rehearsal: got");
    expect(output).toMatch(new RegExp(wasTried, "i"));
    await stack.ok("destroy");
    expect(fs.existsSync(stack.layout.rehearsals) ? fs.readdirSync(stack.layout.rehearsals) : []).toEqual([]);
    expect(reports()).toHaveLength(1);
  });
});
