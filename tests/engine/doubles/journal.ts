import * as fs from "node:fs";
import type { Tree } from "./properties";

/**
 * Everything that the doubles did, one JSON line per operation, in the order in which the operations ended. It is the only place
 * where the doubles keep anything: what exists is what was created and not deleted.
 */

export interface Operation {
  readonly operation: "create" | "update" | "delete";
  readonly urn: string;
  readonly type: string;
  /** Name of the resource in the program. */
  readonly name: string;
  readonly id: string;
  /** What the program asked for; secrets are masked. */
  readonly inputs: Tree;
  /** What the provider computes: addresses, names. */
  readonly outputs: Tree;
  /** Kubernetes: address of the cluster that holds the object. */
  readonly cluster?: string;
  /** Milliseconds since 1970, with fractions. */
  readonly began: number;
  readonly ended: number;
  /** Why it failed; absent if it did not. */
  readonly failure?: string;
  /** Resource of whose deletion this one is a part: nobody has asked for it. */
  readonly with?: string;
}

/** A resource that exists. */
export type Existing = Omit<Operation, "operation" | "failure" | "with">;

export const clusterType = "aws:eks/cluster:Cluster";
export const namespaceType = "kubernetes:core/v1:Namespace";

const keyOf = ({ type, id, cluster }: Pick<Operation, "type" | "id" | "cluster">): string =>
  JSON.stringify([type, id, cluster]);

/** What AWS deletes with a cluster. Node groups it does not. */
const partsOfCluster = new Set([
  "aws:eks/accessEntry:AccessEntry",
  "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
  "aws:eks/addon:Addon",
  "aws:eks/podIdentityAssociation:PodIdentityAssociation",
]);

/** True if the resource goes when the other one is deleted: it lay in that cluster, or in that namespace. */
export function goesWith(resource: Existing, deleted: Existing): boolean {
  const { cluster, inputs, type } = resource;
  if (deleted.type === clusterType) {
    return cluster === undefined
      ? partsOfCluster.has(type) && inputs.clusterName === deleted.id
      : cluster === deleted.outputs.endpoint;
  }
  if (deleted.type !== namespaceType || cluster === undefined || cluster !== deleted.cluster) return false;
  const metadata = inputs.metadata as { namespace?: unknown } | undefined;
  return (metadata?.namespace ?? inputs.namespace) === deleted.id;
}

export class Journal {
  private offset = 0;
  private readonly read: Operation[] = [];
  private readonly live = new Map<string, Existing>();

  constructor(readonly file: string) {}

  append(operation: Operation): void {
    const parts =
      operation.operation === "delete" && operation.failure === undefined
        ? this.existing().filter((resource) => goesWith(resource, operation))
        : [];
    const { began, ended, urn } = operation;
    const lines = [operation, ...parts.map((part) => ({ ...part, operation: "delete", began, ended, with: urn }))];
    fs.appendFileSync(this.file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }

  /** All operations so far, those of the other double too. */
  operations(): readonly Operation[] {
    this.catchUp();
    return this.read;
  }

  /** What exists. */
  existing(): readonly Existing[] {
    this.catchUp();
    return [...this.live.values()];
  }

  find(type: string, id: string, cluster?: string): Existing | undefined {
    this.catchUp();
    return this.live.get(keyOf({ type, id, ...(cluster === undefined ? {} : { cluster }) }));
  }

  private catchUp(): void {
    if (!fs.existsSync(this.file)) return;
    const length = fs.statSync(this.file).size;
    if (length === this.offset) return;
    const added = Buffer.alloc(length - this.offset);
    const file = fs.openSync(this.file, "r");
    fs.readSync(file, added, 0, added.length, this.offset);
    fs.closeSync(file);
    // The other double may be in the middle of a line.
    const whole = added.subarray(0, added.lastIndexOf("\n") + 1);
    this.offset += whole.length;
    for (const line of whole.toString("utf8").split("\n").filter(Boolean)) this.apply(JSON.parse(line) as Operation);
  }

  private apply(operation: Operation): void {
    this.read.push(operation);
    if (operation.failure !== undefined) return;
    switch (operation.operation) {
      case "create":
      case "update":
        this.live.set(keyOf(operation), operation);
        break;
      case "delete":
        this.live.delete(keyOf(operation));
    }
  }
}
