import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Orchestrator } from "../../contracts/orchestrator";
import { MetaflowHome, type MetaflowHomeArgs } from "../../provider/sdk/metaflowHome";
import type { ArtifactStore } from "../store/artifactStore";
import { componentTypes } from "../core/componentTypes";
import type { MetaflowBackend } from "./metaflowBackend";
import { type Transform, transformed } from "../core/transform";

/**
 * Arguments of `LocalMetaflowBackend`. The folders are plain on purpose: they are this machine's, and commands look there without the
 * stack's state.
 */
export interface LocalMetaflowBackendArgs {
  /** Store that holds Metaflow's artifacts and the models. */
  store: ArtifactStore;

  /**
   * Folder for Metaflow's configuration and local metadata; becomes `METAFLOW_HOME`.
   *
   * @example
   * ```ts
   * { homeDirectory: "/home/me/post-training/.posttraining/stacks/local/metaflow" }
   * ```
   */
  homeDirectory: string;

  /** Folder for one record per run. */
  runsDirectory: string;

  /** Folder for what training libraries would keep in the user's home. */
  cacheDirectory: string;

  /** Changes what the component makes: arguments, options and names. */
  transform?: { home?: Transform<MetaflowHomeArgs> };
}

/**
 * Metaflow on this machine: flows run as local processes, artifacts lie in the store, metadata in a folder.
 *
 * **Cost**: none.
 *
 * **Teardown**: every run that still lives is stopped; its record and the local metadata go; artifacts stay in the store.
 *
 * @example
 * ```ts
 * const backend = new LocalMetaflowBackend("metaflow", { store, homeDirectory, runsDirectory, cacheDirectory });
 * ```
 */
export class LocalMetaflowBackend extends pulumi.ComponentResource implements MetaflowBackend {
  readonly configuration: pulumi.Output<Record<string, string>>;
  readonly environment: pulumi.Output<Record<string, string>>;
  readonly orchestrator: pulumi.Output<Orchestrator>;
  readonly store: ArtifactStore;
  readonly uiUrl: pulumi.Output<string | null>;
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: { readonly home: MetaflowHome };

  constructor(name: string, args: LocalMetaflowBackendArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentTypes.metaflowBackend, name, {}, options);
    this.store = args.store;
    this.configuration = pulumi
      .all([args.store.datastoreRoot, args.store.environment])
      .apply(([datastoreRoot, store]) =>
        localConfiguration(datastoreRoot, store.AWS_ENDPOINT_URL_S3 ?? "", args.homeDirectory),
      );
    // The endpoint's address passes through the secret environment, but is none.
    this.configuration = pulumi.unsecret(this.configuration);
    const home = new MetaflowHome(
      ...transformed(
        args.transform?.home,
        `${name}-home`,
        {
          directory: args.homeDirectory,
          runsDirectory: args.runsDirectory,
          configuration: this.configuration,
        },
        { parent: this },
      ),
    );
    this.nodes = { home };
    this.environment = pulumi.secret(
      pulumi
        .all([home.configuration, args.store.environment])
        .apply(([configuration, store]): Record<string, string> => ({
          ...configuration,
          ...store,
          METAFLOW_HOME: args.homeDirectory,
          HF_HOME: path.join(args.cacheDirectory, "huggingface"),
        })),
    );
    this.orchestrator = home.id.apply((): Orchestrator => ({ kind: "local", runsDirectory: args.runsDirectory }));
    this.uiUrl = pulumi.output<string | null>(null);
    this.registerOutputs({ configuration: this.configuration });
  }
}

/** Metaflow's settings for a store on this machine and metadata in a folder. */
export function localConfiguration(
  datastoreRoot: string,
  storeEndpoint: string,
  homeDirectory: string,
): Record<string, string> {
  return {
    METAFLOW_DEFAULT_DATASTORE: "s3",
    METAFLOW_DEFAULT_METADATA: "local",
    METAFLOW_DATASTORE_SYSROOT_S3: datastoreRoot,
    METAFLOW_DATATOOLS_S3ROOT: `${datastoreRoot}/data`,
    METAFLOW_S3_ENDPOINT_URL: storeEndpoint,
    METAFLOW_DATASTORE_SYSROOT_LOCAL: homeDirectory,
    METAFLOW_USER: "posttraining",
  };
}
