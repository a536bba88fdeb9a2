import * as fs from "node:fs";
import * as path from "node:path";
import { callDriver } from "../driver";
import { changedProperties, type Handler } from "../handler";

export interface MetaflowHomeInputs {
  /** Becomes METAFLOW_HOME; `config.json` is written in it. */
  readonly directory: string;
  /** Folder of run records: whatever still runs there is stopped when the backend goes. */
  readonly runsDirectory: string;
  /** The client's configuration: `METAFLOW_*` keys. */
  readonly configuration: Readonly<Record<string, string>>;
}

export type MetaflowHomeState = MetaflowHomeInputs;

function write(inputs: MetaflowHomeInputs): MetaflowHomeState {
  fs.mkdirSync(inputs.directory, { recursive: true });
  fs.mkdirSync(inputs.runsDirectory, { recursive: true });
  fs.writeFileSync(path.join(inputs.directory, "config.json"), `${JSON.stringify(inputs.configuration, null, 2)}\n`);
  return inputs;
}

/** Metaflow's home on this machine: its configuration file, its local metadata, and the runs that it started. */
export const metaflowHome: Handler<MetaflowHomeInputs, MetaflowHomeState> = {
  secrets: [],

  diff(_id, state, news) {
    const changed = changedProperties(state, news);
    const replaces = changed.filter((key) => key === "directory" || key === "runsDirectory");
    const missing = !fs.existsSync(path.join(state.directory, "config.json"));
    return Promise.resolve({ changes: changed.length > 0 || missing, replaces });
  },

  create(inputs) {
    return Promise.resolve({ id: "metaflow-home", state: write(inputs) });
  },

  read(_id, state) {
    return Promise.resolve(fs.existsSync(path.join(state.directory, "config.json")) ? state : undefined);
  },

  update(_id, _state, news) {
    return Promise.resolve(write(news));
  },

  async delete(_id, state) {
    // A run that an interrupted `up` started is in no state file: the records know it.
    const hasRecords = fs.existsSync(state.runsDirectory) && fs.readdirSync(state.runsDirectory).length > 0;
    if (hasRecords) {
      const orchestrator = { kind: "local" as const, runsDirectory: state.runsDirectory, environment: {} };
      await callDriver(orchestrator, { operation: "stop-all" });
    }
    fs.rmSync(state.runsDirectory, { recursive: true, force: true });
    fs.rmSync(state.directory, { recursive: true, force: true });
  },
};
