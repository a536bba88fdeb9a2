import type * as pulumi from "@pulumi/pulumi";
import type { Orchestrator } from "../../contracts/orchestrator";
import type { ArtifactStore } from "../store/artifactStore";

/** Where flows run, and what a client needs to reach them. */
export interface MetaflowBackend {
  /** What a person puts into `config.json` of their Metaflow home: `METAFLOW_*` keys, no secrets. */
  readonly configuration: pulumi.Output<Record<string, string>>;
  /** Environment of everything that runs or reads flows: the configuration and the store's credentials. Secret. */
  readonly environment: pulumi.Output<Record<string, string>>;
  /** Which orchestrator the driver talks to. */
  readonly orchestrator: pulumi.Output<Orchestrator>;
  /** Where artifacts and models lie. */
  readonly store: ArtifactStore;
  /** Address of the web interface for a person's browser; null where there is none. */
  readonly uiUrl: pulumi.Output<string | null>;
}
