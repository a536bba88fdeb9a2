import * as fs from "node:fs";
import * as path from "node:path";
import { layout } from "../../machine/checkout.mjs";
import { endProcessesOf } from "../../machine/folderUsers";
import { foreignFolderProblem, removalProblem, removeEntries } from "../../machine/removal";
import { metaflowFiles, runRecords } from "../../machine/stackFiles";
import { callDriver } from "../driver";
import { Heartbeat } from "../heartbeat";
import { changedProperties, type Handler } from "../handler";
import { makePrivateFolder } from "../../machine/privateFolder";
import type { MetaflowHomeInputs, MetaflowHomeState } from "../resources/metaflowHome";

const configurationFile = (inputs: MetaflowHomeInputs): string => path.join(inputs.directory, "config.json");

const configurationText = (inputs: MetaflowHomeInputs): string => `${JSON.stringify(inputs.configuration, null, 2)}\n`;

/** True if the file holds what it should: Metaflow ends with a stack trace on one that is cut off. */
function isIntact(state: MetaflowHomeState): boolean {
  try {
    return fs.readFileSync(configurationFile(state), "utf8") === configurationText(state);
  } catch {
    return false;
  }
}

function write(inputs: MetaflowHomeInputs): MetaflowHomeState {
  for (const folder of [inputs.directory, inputs.runsDirectory]) makePrivateFolder(folder);
  const draft = `${configurationFile(inputs)}.${process.pid}`;
  fs.writeFileSync(draft, configurationText(inputs), { mode: 0o600 });
  fs.renameSync(draft, configurationFile(inputs));
  return inputs;
}

/** Metaflow's home on this machine: its configuration file, its local metadata, and the runs that it started. */
export const metaflowHomeIn = (root: string): Handler<MetaflowHomeInputs, MetaflowHomeState> => ({
  secrets: [],

  diff(_id, state, news) {
    const changed = changedProperties(state, news);
    const replaces = changed.filter((key) => key === "directory" || key === "runsDirectory");
    return Promise.resolve({ changes: changed.length > 0 || !isIntact(state), replaces });
  },

  create(inputs) {
    const problems = [inputs.directory, inputs.runsDirectory].flatMap((folder) => removalProblem(root, folder) ?? []);
    if (problems.length > 0) throw new Error(problems.join("\n"));
    return Promise.resolve({ id: "metaflow-home", state: write(inputs) });
  },

  read(_id, state) {
    return Promise.resolve(fs.existsSync(configurationFile(state)) ? state : undefined);
  },

  update(_id, _state, news) {
    return Promise.resolve(write(news));
  },

  async delete(_id, state, context) {
    const foreign = foreignFolderProblem(root, state.runsDirectory) ?? foreignFolderProblem(root, state.directory);
    if (foreign !== undefined) {
      context.warn(`Metaflow and its runs are another checkout's and stay as they are: ${foreign}`);
      return;
    }
    // A run that an interrupted `up` started is in no state file: the records know it.
    const hasRecords = fs.existsSync(state.runsDirectory) && fs.readdirSync(state.runsDirectory).length > 0;
    if (hasRecords) {
      const orchestrator = { kind: "local" as const, runsDirectory: state.runsDirectory, environment: {} };
      const ending = new Heartbeat(context, "ending runs of which no state knows");
      await ending.during(callDriver(orchestrator, { operation: "stop-all" }));
    }
    // Nor do the records know one whose record was deleted: the machine does.
    const alive = await new Heartbeat(context, "ending what runs have left").during(
      endProcessesOf(state.runsDirectory),
    );
    if (alive.length > 0) {
      throw new Error(
        `processes of runs do not end: ${alive.map(({ pid }) => pid).join(", ")}; end them, then try again`,
      );
    }
    for (const [folder, entries] of [
      [state.runsDirectory, runRecords],
      [state.directory, metaflowFiles],
    ] as const) {
      const problem = removalProblem(root, path.join(folder, "entry"));
      if (problem !== undefined) {
        context.warn(`the files of Metaflow stay: ${problem}`);
        continue;
      }
      const left = removeEntries(root, folder, entries);
      if (left.length > 0) context.info(`stays in ${folder}, as Metaflow did not make it: ${left.join(", ")}`);
    }
  },
});

export const metaflowHome = metaflowHomeIn(layout.state);
