/** What a program says of a MetaflowHome. */
export interface MetaflowHomeInputs {
  /** Becomes METAFLOW_HOME; `config.json` is written in it. */
  readonly directory: string;
  /** Folder of run records: whatever still runs there is stopped when the backend goes. */
  readonly runsDirectory: string;
  /** The client's configuration: `METAFLOW_*` keys. */
  readonly configuration: Readonly<Record<string, string>>;
}

/** What the stack keeps of a MetaflowHome. */
export type MetaflowHomeState = MetaflowHomeInputs;
