import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { ObjectStoreServer, type ObjectStoreServerArgs } from "../../provider/sdk/objectStoreServer";
import { storeEnvironment } from "../../contracts/storeEnvironment";
import { type ArtifactStore, storeRoots } from "./artifactStore";
import { componentTypes } from "../core/componentTypes";
import { type Transform, transformed } from "../core/transform";

/**
 * Arguments of `LocalArtifactStore`. They are plain on purpose: folders and port are this machine's, and commands look there without the
 * stack's state.
 */
export interface LocalArtifactStoreArgs {
  /**
   * Folder for the data; objects are plain files below it and survive a restart.
   *
   * @example
   * ```ts
   * { dataDirectory: "/home/me/post-training/.posttraining/stacks/local/store" }
   * ```
   */
  dataDirectory: string;

  /** Folder under which the server keeps its process record and log. */
  processesDirectory: string;

  /**
   * Port on 127.0.0.1.
   *
   * @default a free one, chosen once and remembered
   * @example
   * ```ts
   * { port: 9000 }
   * ```
   */
  port?: number;

  /**
   * What deletion does with the data.
   *
   * @default `"retain"`
   * @example
   * ```ts
   * { removal: "remove" }
   * ```
   */
  removal?: "remove" | "retain";

  /** Changes what the component makes: arguments, options and names. */
  transform?: { server?: Transform<ObjectStoreServerArgs> };
}

const bucket = "posttraining";

/**
 * The artifact store of a local stack: an S3-compatible server (versitygw) on the loopback interface.
 *
 * versitygw because it is maintained, Apache-2.0, builds from Go modules, and keeps every object as the plain file that it is:
 * a model can be opened from disk, and a restart loses nothing.
 *
 * **Cost**: none; about 40 MiB of memory.
 *
 * **Teardown**: the process ends; the data goes or stays as `removal` says.
 *
 * @example
 * ```ts
 * const store = new LocalArtifactStore("store", { dataDirectory: layout.store, processesDirectory: layout.processes });
 * ```
 */
export class LocalArtifactStore extends pulumi.ComponentResource implements ArtifactStore {
  readonly uri: pulumi.Output<string>;
  readonly modelsRoot: pulumi.Output<string>;
  readonly datastoreRoot: pulumi.Output<string>;
  readonly checkpointsRoot: pulumi.Output<string>;
  readonly datasetsRoot: pulumi.Output<string>;
  readonly environment: pulumi.Output<Record<string, string>>;
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: { readonly server: ObjectStoreServer };

  constructor(name: string, args: LocalArtifactStoreArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentTypes.artifactStore, name, {}, options);
    const server = new ObjectStoreServer(
      ...transformed(
        args.transform?.server,
        `${name}-server`,
        {
          dataDirectory: args.dataDirectory,
          processDirectory: path.join(args.processesDirectory, name),
          bucket,
          ...(args.port === undefined ? {} : { requestedPort: args.port }),
          removal: args.removal ?? "retain",
        },
        { parent: this },
      ),
    );
    this.nodes = { server };
    this.uri = pulumi.interpolate`s3://${server.bucket}`;
    const roots = storeRoots(this.uri);
    this.modelsRoot = roots.modelsRoot;
    this.datastoreRoot = roots.datastoreRoot;
    this.checkpointsRoot = roots.checkpointsRoot;
    this.datasetsRoot = roots.datasetsRoot;
    this.environment = pulumi.secret(
      pulumi
        .all([server.endpoint, server.accessKeyId, server.secretAccessKey])
        .apply(([endpoint, accessKeyId, secretAccessKey]) => ({
          ...storeEnvironment({ endpoint, accessKeyId, secretAccessKey }),
        })),
    );
    this.registerOutputs({ uri: this.uri, ...roots });
  }
}
