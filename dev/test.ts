import { formatSeconds } from "../machine/duration.mjs";
import { remind } from "../machine/reminder.mjs";
import { readCommandLine } from "../setup/command-line.mjs";
import { Problem, runMain } from "../setup/problem.mjs";
import { bootstrap } from "../setup/set-up.mjs";
import { addCounts, type Counts, formatCounts } from "./testResults";
import { defaultTiers, type Tier, tiers } from "./testTiers";

/**
 * `npm test`: sets up what is missing, then runs the tests, tier by tier.
 *
 * `npm test -- unit python` runs chosen tiers. A tier that cannot run on this machine fails the tests, unless
 * `--allow-missing <tier>` says that it may be left out.
 */
void runMain(async () => {
  const names = tiers.map(({ name }) => name);
  const { positionals, values } = readCommandLine(
    `npm test [-- <tier>... --allow-missing <tier>]; tiers: ${names.join(", ")}`,
    { options: { "allow-missing": { type: "string", multiple: true, default: [] } }, words: Number.POSITIVE_INFINITY },
  );
  const allowed = values["allow-missing"];
  const unknown = [...positionals, ...allowed].filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Problem(`There is no tier ${unknown.join(", ")}.`, [`Tiers: ${names.join(", ")}`]);
  const wanted = positionals.length > 0 ? positionals : defaultTiers;
  const chosen = tiers.filter(({ name }) => wanted.includes(name));
  const extents = chosen.map(({ extent }) => extent);
  const extent =
    (["everything", "infrastructure", "packages"] as const).find((each) => extents.includes(each)) ?? "packages";
  const more = chosen.flatMap((tier) => tier.more ?? []);
  const failures = await bootstrap(extent, console.log, more);

  const results = new Map<string, Counts>();
  const run = async (tier: Tier) => {
    const print = (line: string) => {
      console.log(`${tier.name.padEnd(6)} | ${line}`);
    };
    const missing = tier.needs.filter((part) => failures.has(part));
    if (missing.length > 0) {
      const isAllowed = allowed.includes(tier.name);
      print(`NOT RUN: ${tier.what}. This machine lacks: ${missing.join(", ")} (the reasons are above).`);
      if (!isAllowed) print(`This fails the tests; --allow-missing ${tier.name} accepts it.`);
      results.set(tier.name, { passed: 0, failed: isAllowed ? 0 : 1, skipped: isAllowed ? 1 : 0 });
      return;
    }
    const begin = performance.now();
    // Runners say nothing while a test runs, and some take minutes.
    const reminder = remind(tier.what, print);
    const say = (line: string) => {
      reminder.said(line);
      print(line);
    };
    try {
      const counts = await tier.run(say, (activity) => {
        reminder.begin(activity);
      });
      results.set(tier.name, counts);
      print(`${formatCounts(counts)} (${formatSeconds((performance.now() - begin) / 1000)})`);
    } finally {
      reminder.stop();
    }
  };

  // The engine's tests mostly wait for one training process: the Python tests run beside them.
  const quick = chosen.filter(({ name }) => name === "checks" || name === "unit");
  for (const tier of quick) await run(tier);
  await Promise.all(chosen.filter((tier) => !quick.includes(tier)).map(run));

  console.log("");
  for (const { name, what } of chosen) {
    const counts = results.get(name);
    if (counts !== undefined) console.log(`${name.padEnd(6)}  ${formatCounts(counts)}  (${what})`);
  }
  const total = addCounts([...results.values()]);
  console.log(formatCounts(total));
  return total.failed === 0 ? 0 : 1;
});
