import * as path from "node:path";
import type { RehearsalRecord } from "../../contracts/rehearsal";
import { layout } from "../../machine/checkout.mjs";
import { endProcessesOf } from "../../machine/folderUsers";
import { foreignFolderProblem, removeBelow } from "../../machine/removal";
import { runKey } from "../../recipe/runIdentity";
import type { RehearsalIdentity } from "../../rehearsal/identity";
import { failureOf, rehearsalProblem } from "../../rehearsal/judge";
import { recordFile, recordsOf } from "../../rehearsal/records";
import { rehearse } from "../../rehearsal/rehearse";
import { changedProperties, type Handler, type OperationContext } from "../handler";
import { Heartbeat } from "../heartbeat";
import type { RehearsalInputs, RehearsalState } from "../resources/rehearsal";

/** The parts of the rehearsal's handler that reach outside. */
export interface RehearsalParts {
  readonly rehearse: typeof rehearse;
  readonly recordsOf: (recipe: string) => RehearsalRecord[];
}

const identityOf = ({ identity, parts, rehearsalCode, recipe }: RehearsalInputs): RehearsalIdentity => ({
  recipe: recipe.name,
  identity,
  parts,
  rehearsalCode,
});

const keyOf = ({ identity, recipe }: RehearsalInputs): string => runKey({ name: recipe.name, contentHash: identity });

/** What is kept of a rehearsal of the same that has passed. */
function provenBy(parts: RehearsalParts, inputs: RehearsalInputs): RehearsalRecord | undefined {
  const own = parts.recordsOf(inputs.recipe.name).filter(({ report }) => report.identity === inputs.identity);
  return rehearsalProblem(identityOf(inputs), own) === undefined ? own[0] : undefined;
}

const startLine = ({ recipe }: RehearsalInputs): string =>
  `rehearses ${recipe.name} first: this machine's processors, some minutes, $0.00`;

function stateOf(inputs: RehearsalInputs, { report }: RehearsalRecord): RehearsalState {
  return {
    ...inputs,
    finishedAt: report.at,
    seconds: report.seconds.total ?? 0,
    invariants: report.invariants.length,
    report: recordFile(report.recipe, report.identity),
  };
}

/** Rehearses, or takes what is kept of a rehearsal of the same. */
async function proveIt(
  parts: RehearsalParts,
  inputs: RehearsalInputs,
  context: OperationContext,
): Promise<RehearsalState> {
  const { recipe, plan, processes, folder, command } = inputs;
  const known = provenBy(parts, inputs);
  if (known !== undefined) {
    context.info(`${recipe.name} has been rehearsed (${known.report.at}) and passed: it is not rehearsed again`);
    return stateOf(inputs, known);
  }
  const heartbeat = new Heartbeat(context, `rehearsing ${recipe.name}`);
  const what = { identity: identityOf(inputs), recipe, plan, processes, folder, fullShape: true };
  try {
    const record = await heartbeat.during(
      parts.rehearse(
        { ...what, ...(command === undefined ? {} : { command }) },
        {
          signal: context.signal,
          onLine: (line) => {
            heartbeat.progress(line);
          },
        },
      ),
    );
    const failure = failureOf(record);
    if (failure === undefined) return stateOf(inputs, record);
    throw new Error(`${failure}\nNothing was started. Its report: ${recordFile(recipe.name, inputs.identity)}`);
  } catch (error) {
    if (!context.signal.aborted) throw error;
    throw new Error(
      `the rehearsal of ${recipe.name} was ended, and nothing of it goes on; the next \`pulumi up\` begins it anew`,
      { cause: error },
    );
  }
}

/** A rehearsal as a resource: made once for each identity, and again where the code that rehearses has changed. */
export const rehearsalOf = (parts: RehearsalParts): Handler<RehearsalInputs, RehearsalState> => ({
  secrets: [],

  announce(inputs, context) {
    const known = provenBy(parts, inputs);
    context.info(
      known === undefined
        ? startLine(inputs)
        : `${inputs.recipe.name} has been rehearsed (${known.report.at}) and passed: it is not rehearsed again`,
    );
  },

  diff(_id, state, news, context) {
    if (news.identity !== state.identity) {
      context.info(startLine(news));
      return Promise.resolve({ changes: true, replaces: ["identity"] });
    }
    if (news.rehearsalCode !== state.rehearsalCode) {
      context.info(`${startLine(news)}; what rehearses has changed`);
    }
    return Promise.resolve({ changes: changedProperties<RehearsalInputs>(state, news).length > 0, replaces: [] });
  },

  async create(inputs, context) {
    return { id: keyOf(inputs), state: await proveIt(parts, inputs, context) };
  },

  // What was proven stays so, whatever becomes of the report.
  read(_id, state) {
    return Promise.resolve(state);
  },

  update(_id, state, news, context) {
    return news.rehearsalCode === state.rehearsalCode
      ? Promise.resolve({ ...state, ...news })
      : proveIt(parts, news, context);
  },

  /** The report stays, for whoever asks for the same run; the folder of work of one that failed goes. */
  async delete(id, { folder }, context) {
    const foreign = foreignFolderProblem(layout.state, folder);
    if (foreign !== undefined) {
      context.warn(`the rehearsal is another checkout's and stays as it is: ${foreign}`);
      return;
    }
    const work = path.join(folder, id);
    await endProcessesOf(work);
    removeBelow(layout.state, work);
  },
});

/** A rehearsal, by the project's own module and what is kept of it. */
export const rehearsal = rehearsalOf({ rehearse, recordsOf });
