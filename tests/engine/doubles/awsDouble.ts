import { unknownValue } from "../../../provider/wire";
import { type AwsResource, type AwsType, awsTypes } from "./awsTypes";
import type { Double, Resource } from "./double";
import { clusterType, type Existing, goesWith, type Journal } from "./journal";
import { isTree, overlay, strings, type Tree } from "./properties";

/** Account in which everything lies. */
export const account = "111122223333";

const nodeGroupType = "aws:eks/nodeGroup:NodeGroup";
const addonType = "aws:eks/addon:Addon";

export class AwsDouble implements Double {
  readonly package = "aws";
  private configuration: Tree = {};

  providerReplacements(before: Tree, after: Tree): readonly string[] {
    return before.region === after.region ? [] : ["region"];
  }

  configure(configuration: Tree): void {
    const allowed: unknown = parsed(configuration.allowedAccountIds);
    if (Array.isArray(allowed) && !allowed.includes(account)) {
      throw new Error(`AWS account ID not allowed: ${account}`);
    }
    this.configuration = configuration;
  }

  cluster(): undefined {
    return undefined;
  }

  check(resource: Resource, previous: Tree | undefined, unique: string): { refusals: string[]; generated: Tree } {
    const { named } = typeOf(resource);
    const given = named === undefined ? undefined : resource.inputs[named.property];
    const generated: Tree =
      named === undefined || given !== undefined || resource.inputs[`${named.property}Prefix`] !== undefined
        ? {}
        : {
            [named.property]:
              previous?.[named.property] ?? `${named.prefix ?? ""}${resource.name}-${unique.slice(0, 7)}`,
          };
    const name = given ?? (named === undefined ? undefined : generated[named.property]);
    const refusals =
      named !== undefined && typeof name === "string" && name.length > named.longest
        ? [`${named.property}: "${name}" has ${name.length} characters; AWS takes ${named.longest}`]
        : [];
    return { refusals, generated };
  }

  immutable(resource: Resource): readonly string[] {
    return typeOf(resource).immutable;
  }

  hasOwnName(resource: Resource, previous: Tree): boolean {
    const { named } = typeOf(resource);
    if (named === undefined) return false;
    const name = resource.inputs[named.property];
    const generated = new RegExp(`^${named.prefix ?? ""}${resource.name}-[0-9a-f]{7}$`);
    return typeof name === "string" && name === previous[named.property] && !generated.test(name);
  }

  idOf(resource: Resource, unique: string): string {
    return typeOf(resource).id(this.here(resource), unique);
  }

  outputs(resource: Resource, id: string): Tree {
    const tags = overlay(this.defaultTags(), isTree(resource.inputs.tags) ? resource.inputs.tags : {}) as Tree;
    const { outputs } = typeOf(resource);
    return { ...outputs?.(this.here(resource), id), tagsAll: tags, region: this.region() };
  }

  beforeCreate(resource: Resource, journal: Journal): void {
    if (resource.type === nodeGroupType) {
      const cluster = clusterOf(resource.inputs, journal);
      if (cluster === undefined) throw new Error(`no cluster found for name: ${String(resource.inputs.clusterName)}`);
      if (cluster.inputs.bootstrapSelfManagedAddons === false && addon(journal, cluster, "vpc-cni") === undefined) {
        throw new Error("NodeCreationFailure: nodes do not become ready without a network add-on (vpc-cni)");
      }
    }
    if (resource.type === addonType && ["coredns", "aws-ebs-csi-driver"].includes(String(resource.inputs.addonName))) {
      const cluster = clusterOf(resource.inputs, journal);
      if (cluster !== undefined && !hasNodes(journal, cluster)) {
        throw new Error(
          `add-on ${String(resource.inputs.addonName)} is DEGRADED: InsufficientNumberOfReplicas, there are no nodes`,
        );
      }
    }
    const id = this.idOf(resource, "");
    if (journal.find(resource.type, id) !== undefined) throw new Error(`${resource.type} ${id} already exists`);
  }

  beforeDelete(existing: Existing, journal: Journal): void {
    const { inputs, outputs, type } = existing;
    if (type === clusterType) {
      const groups = journal.existing().filter((other) => other.type === nodeGroupType && isOn(other, existing));
      if (groups.length > 0) throw new Error("ResourceInUseException: Cluster has nodegroups attached");
      if (inputs.deletionProtection === true) throw new Error("cluster has deletion protection");
    }
    if (type === addonType && inputs.addonName === "vpc-cni" && hasNodesOf(journal, inputs)) {
      throw new Error("the network add-on goes while there are nodes: their network interfaces would stay behind");
    }
    if (type === "aws:rds/instance:Instance") {
      if (inputs.deletionProtection === true) throw new Error("Cannot delete protected DB Instance");
      if (inputs.skipFinalSnapshot !== true && inputs.finalSnapshotIdentifier === undefined) {
        throw new Error("FinalSnapshotIdentifier is required when a final snapshot is required");
      }
    }
    const own = [existing.id, outputs.arn].filter((text) => typeof text === "string");
    const user = journal
      .existing()
      .find(
        (other) =>
          other.cluster === undefined &&
          other.id !== existing.id &&
          !goesWith(other, existing) &&
          strings(other.inputs).some(({ text }) => own.includes(text)),
      );
    if (user !== undefined) {
      throw new Error(`DependencyViolation: ${type} ${existing.id} is still used by ${user.type} ${user.name}`);
    }
  }

  private region(): string {
    const { region } = this.configuration;
    return typeof region === "string" ? region : "us-east-1";
  }

  private here(resource: Resource): AwsResource {
    return { ...resource, region: this.region(), account };
  }

  private defaultTags(): unknown {
    const defaults: unknown = parsed(this.configuration.defaultTags);
    return isTree(defaults) ? (defaults.tags ?? {}) : {};
  }
}

/** The configuration of a provider comes as strings; what was nested is JSON. */
function parsed(value: unknown): unknown {
  return typeof value === "string" && value !== unknownValue ? (JSON.parse(value) as unknown) : value;
}

function typeOf(resource: Resource): AwsType {
  const type = awsTypes[resource.type];
  if (type === undefined) throw new Error(`the double of aws has no type ${resource.type}: add it to awsTypes.ts`);
  return type;
}

const isOn = (other: Existing, cluster: Existing): boolean => other.inputs.clusterName === cluster.id;

function clusterOf(inputs: Tree, journal: Journal): Existing | undefined {
  return journal.find(clusterType, String(inputs.clusterName));
}

function addon(journal: Journal, cluster: Existing, name: string): Existing | undefined {
  return journal
    .existing()
    .find((other) => other.type === addonType && isOn(other, cluster) && other.inputs.addonName === name);
}

export function hasNodes(journal: Journal, cluster: Existing): boolean {
  return journal.existing().some((other) => other.type === nodeGroupType && isOn(other, cluster));
}

function hasNodesOf(journal: Journal, inputs: Tree): boolean {
  const cluster = clusterOf(inputs, journal);
  return cluster !== undefined && hasNodes(journal, cluster);
}
