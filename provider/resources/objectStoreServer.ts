/** What a program says of a ObjectStoreServer. */
export interface ObjectStoreServerInputs {
  /** Folder for the data; objects are plain files in it. */
  readonly dataDirectory: string;
  /** Folder for the process's record and log. */
  readonly processDirectory: string;
  readonly bucket: string;
  /** Port asked for; left out: a free one is chosen and remembered. */
  readonly requestedPort?: number;
  /** What deletion does with the data. */
  readonly removal: "remove" | "retain";
}

/** What the stack keeps of a ObjectStoreServer. */
export interface ObjectStoreServerState extends ObjectStoreServerInputs {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly status: "running" | "stopped";
}
