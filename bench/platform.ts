import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { root } from "../machine/checkout.mjs";
import { PlatformStack } from "../tests/engine/platformStack";
import { typeOf } from "../tests/engine/urns";
import { countText } from "../tests/golden/dump";
import { documents, stackNames, type StackName } from "../tests/golden/documents";
import { median } from "./evaluation";

/**
 * Time of `pulumi preview` of each platform stack before it exists, as a whole process: the real engine and this project's program;
 * the providers are doubles (tests/engine/doubles), so a real preview takes longer by what the real plugins take.
 *
 *     node setup/run.mjs bench/platform.ts
 */

const runs = 5;

interface Measured {
  readonly stack: StackName;
  readonly resources: string;
  readonly seconds: { readonly min: number; readonly median: number; readonly max: number };
}

async function measure(name: StackName): Promise<Measured> {
  const stack = new PlatformStack(`bench-${name}`);
  stack.initialize();
  stack.configure(documents[name]);
  // The first one warms the file cache, and counts.
  const steps = await stack.previewSteps();
  const types = steps.map(({ urn }) => ({ type: typeOf(urn) }));
  const seconds: number[] = [];
  for (let run = 0; run < runs; run++) {
    const began = process.hrtime.bigint();
    await stack.ok("preview");
    seconds.push(Number(process.hrtime.bigint() - began) / 1e9);
  }
  fs.rmSync(stack.directory, { recursive: true });
  return {
    stack: name,
    resources: countText(types.filter(({ type }) => type !== "pulumi:pulumi:Stack")),
    seconds: { min: Math.min(...seconds), median: median(seconds), max: Math.max(...seconds) },
  };
}

async function main(): Promise<void> {
  const [loadBefore = Number.NaN] = os.loadavg();
  const stacks: Measured[] = [];
  for (const name of stackNames) {
    const measured = await measure(name);
    stacks.push(measured);
    const { min, median: middle, max } = measured.seconds;
    console.log(
      `${name}: median ${middle.toFixed(1)} s (${min.toFixed(1)} to ${max.toFixed(1)}), ${measured.resources}`,
    );
  }
  const [cpu] = os.cpus();
  const result = {
    name: "platform-preview",
    what: "preview of a platform stack that does not exist yet; real engine, doubles of the providers aws and kubernetes",
    command: "pulumi preview",
    date: new Date().toISOString().slice(0, 10),
    machine: `${os.cpus().length} cores (${cpu?.model.trim() ?? "unknown"}), ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.platform()}, Node ${process.versions.node}`,
    // Above the number of cores, other work on the machine has made the times longer.
    loadBefore: Math.round(loadBefore * 10) / 10,
    runs,
    stacks,
  };
  fs.writeFileSync(
    path.join(root, "bench", "results", "platform-preview.json"),
    `${JSON.stringify(result, null, 2)}\n`,
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
