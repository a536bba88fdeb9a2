import { rehearseCommand } from "../cli/rehearseCommand";
import { rehearse } from "../rehearsal/rehearse";
import { environmentHere } from "../setup/set-up-environment.mjs";
import { tableVariants, type TableVariant } from "../sizing/table";
import { changedFiles } from "./changedFiles";
import { chooseRehearsals } from "./rehearsalChoice";
import type { Counts } from "./testResults";

/** Rehearsals as tests: each of a recipe, with adapters or all weights, counts as one. */

type Print = (line: string) => void;
type Doing = (activity: string) => void;

const variantName = ({ recipe, trainable }: TableVariant): string => `${recipe} ${trainable}`;

/** What is rehearsed in continuous integration at most: each takes four to nine minutes beside the other tests (docs/rehearsal.md). */
const mostByChange = 1;

/** Rehearses one, as `npm run rehearse` does. */
export type RehearseOne = (variant: TableVariant, print: Print) => Promise<boolean>;

async function rehearseOne({ recipe, trainable }: TableVariant, print: Print): Promise<boolean> {
  const never = new AbortController();
  const status = await rehearseCommand([recipe, "--trainable", trainable.toLowerCase()], {
    rehearse: (rehearsal, calls) => rehearse(rehearsal, { ...calls, environment: environmentHere() }),
    print,
    printError: print,
    prepare: () => Promise.resolve(),
    signal: never.signal,
  });
  return status === 0;
}

async function rehearseEach(
  variants: readonly TableVariant[],
  print: Print,
  doing: Doing,
  rehearseIt: RehearseOne,
): Promise<Counts> {
  let passed = 0;
  for (const variant of variants) {
    doing(`rehearsal of ${variantName(variant)}`);
    const begin = performance.now();
    const holds = await rehearseIt(variant, print);
    if (holds) passed += 1;
    const seconds = Math.round((performance.now() - begin) / 1000);
    print(`${holds ? "passed" : "FAILED"}  ${variantName(variant)} (${seconds} s)`);
  }
  return { passed, failed: variants.length - passed, skipped: 0 };
}

/** All recipes of the table, with adapters and with all weights. */
export const rehearseAll = (print: Print, doing: Doing, rehearseIt: RehearseOne = rehearseOne): Promise<Counts> =>
  rehearseEach(tableVariants, print, doing, rehearseIt);

/** What the change of this checkout puts at risk: at least one, and no more than there is time for. */
export async function rehearseByChange(
  print: Print,
  doing: Doing,
  rehearseIt: RehearseOne = rehearseOne,
  files: () => Promise<readonly string[] | undefined> = changedFiles,
): Promise<Counts> {
  const { chosen, leftOut } = chooseRehearsals(await files(), mostByChange);
  for (const { variant, why } of chosen) print(`rehearses ${variantName(variant)}: ${why}`);
  const others = tableVariants.length - chosen.length;
  for (const { variant, why } of leftOut)
    print(`LEFT OUT, though the change asks for it: ${variantName(variant)}: ${why}`);
  print(`NOT REHEARSED HERE: ${others} of ${tableVariants.length}; all of them: npm run test:rehearsals`);
  return rehearseEach(
    chosen.map(({ variant }) => variant),
    print,
    doing,
    rehearseIt,
  );
}
