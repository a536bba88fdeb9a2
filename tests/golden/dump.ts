import * as pulumi from "@pulumi/pulumi";
import { Document, isCollection, isNode } from "yaml";
import { collect, type Provider, type Registration, valueOf } from "../components/collect";
import { unwrapSecrets } from "../../provider/wire";
import { AwsDouble } from "../engine/doubles/awsDouble";
import { awsTypes } from "../engine/doubles/awsTypes";
import { KubernetesDouble } from "../engine/doubles/kubernetesDouble";
import { isTree, mapLeaves, overlay, type Tree } from "../engine/doubles/properties";

/**
 * A program's resources as text for a person: what it asks for, with which options, below which parent. Values that only a provider
 * knows read `${<resource>.<property>}`, secrets `<secret>`, and JSON inside of a string is shown as the YAML that it means (`!json`).
 */

/** One resource, ready to be written. */
export interface DumpedResource {
  /** Names from the stack down: `cluster/cluster-nodes`. */
  readonly path: string;
  readonly type: string;
  /** Provider that it was given; undefined where it is the one that Pulumi makes from the environment. */
  readonly provider: string | undefined;
  readonly options: Tree;
  readonly inputs: Tree;
}

export interface Dump {
  readonly resources: readonly DumpedResource[];
  /** Outputs of the stack. */
  readonly outputs: Tree;
}

/** A document inside of a string. */
class Embedded {
  constructor(readonly value: unknown) {}
}

const doubles = { aws: new AwsDouble(), kubernetes: new KubernetesDouble() };

/** `NodeGroup` of `aws:eks/nodeGroup:NodeGroup` */
const shortType = (type: string): string => type.split(":").at(-1) ?? type;

/** Answers with placeholders, in the shapes that the real providers give their outputs. */
const provider =
  (shared: ReadonlySet<string>): Provider =>
  ({ type, name, inputs }, registration) => {
    const subject = shared.has(name) ? `${name}(${shortType(type)})` : name;
    const placeholder = (path: string): string => `\${${subject}.${path}}`;
    const declared = Object.entries(registration?.resource ?? {}).flatMap(([key, value]) =>
      pulumi.Output.isInstance(value) && key !== "id" && key !== "urn" ? [[key, placeholder(key)] as const] : [],
    );
    const shaped = mapLeaves(shapeOf(type, name, unwrapSecrets(inputs) as Tree), (_, path) => placeholder(path));
    const state = overlay(overlay(Object.fromEntries(declared), shaped), inputs) as Record<string, unknown>;
    // The engine keeps these secret; mocks do not.
    const { additionalSecretOutputs: secret = [] } = (registration?.opts ?? {}) as pulumi.CustomResourceOptions;
    const hidden = Object.entries(state).map(([key, value]) => [
      key,
      secret.includes(key) && value !== undefined ? pulumi.secret(value) : value,
    ]);
    return { id: placeholder("id"), state: Object.fromEntries(hidden) as Record<string, unknown> };
  };

function shapeOf(type: string, name: string, inputs: Tree): Tree {
  const double = type in awsTypes ? doubles.aws : type.startsWith("kubernetes:") ? doubles.kubernetes : undefined;
  if (double === undefined) return {};
  const resource = { urn: "", type, name, inputs };
  const { generated } = double.check(resource, undefined, "");
  return overlay(generated, double.outputs({ ...resource, inputs: overlay(generated, inputs) as Tree }, "id")) as Tree;
}

/** Names that resources of several types have. */
function sharedNames(registrations: readonly Registration[]): ReadonlySet<string> {
  const names = registrations.map(({ name }) => name);
  return new Set(names.filter((name, index) => names.indexOf(name) !== index));
}

/** Runs the program under mocks; twice, because only after the first time it is known which names need their type beside them. */
export async function dumpProgram(program: () => object, stack?: string): Promise<Dump> {
  const shared = sharedNames((await collect(program, provider(new Set()), stack)).registrations);
  const { result, resources: seen, registrations } = await collect(program, provider(shared), stack);
  const own = registrations.filter(({ type }) => type !== "pulumi:pulumi:Stack");
  const names: Names = new Map(own.map((registration) => [registration.resource, { ...registration, shared }]));
  const resources = await Promise.all(
    own.map(async (registration) => ({
      path: pathOf(registration, names),
      type: registration.type,
      provider: seen.find(({ type, name }) => type === registration.type && name === registration.name)?.provider,
      options: await optionsOf(registration, names),
      inputs: (await plain(inputsOf(registration))) as Tree,
    })),
  );
  return {
    resources: resources.toSorted((a, b) => compare(a.path, b.path) || compare(a.type, b.type)),
    outputs: (await plain(result)) as Tree,
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

type Names = ReadonlyMap<pulumi.Resource, Registration & { readonly shared: ReadonlySet<string> }>;

function pathOf({ name, opts }: Registration, names: Names): string {
  const parent = opts.parent === undefined ? undefined : names.get(opts.parent);
  return parent === undefined ? name : `${pathOf(parent, names)}/${name}`;
}

/** `apiVersion` and `kind` of a built-in Kubernetes type say what its token says. */
function inputsOf({ type, props }: Registration): Tree {
  if (!/^kubernetes:(?!helm)/.test(type) || type === "kubernetes:apiextensions.k8s.io:CustomResource") return props;
  return Object.fromEntries(Object.entries(props).filter(([key]) => key !== "apiVersion" && key !== "kind"));
}

/** Options that decide what an update or a teardown does. Those that children inherit are shown where they are in force. */
async function optionsOf(registration: Registration, names: Names): Promise<Tree> {
  const { opts } = registration;
  const inherited = <Value>(pick: (options: pulumi.ResourceOptions) => Value | undefined): Value | undefined => {
    for (let at: Registration | undefined = registration; at !== undefined;) {
      const value = pick(at.opts);
      if (value !== undefined) return value;
      at = at.opts.parent === undefined ? undefined : names.get(at.opts.parent);
    }
    return undefined;
  };
  const { deleteBeforeReplace, customTimeouts, ignoreChanges, replaceOnChanges } = opts as pulumi.CustomResourceOptions;
  const deletedWith = inherited((options) => options.deletedWith);
  const options = {
    protect: inherited((options) => options.protect),
    retainOnDelete: inherited((options) => options.retainOnDelete),
    deleteBeforeReplace,
    deletedWith: deletedWith === undefined ? undefined : await nameOf(deletedWith, names),
    dependsOn: (await dependencies(opts.dependsOn, names)).toSorted(compare),
    ignoreChanges,
    replaceOnChanges,
    customTimeouts,
    aliases: (opts.aliases ?? []).filter((alias) => !isOfSdk(alias)),
  };
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)),
  );
}

/** Earlier type tokens, which the SDK's own classes bring. */
function isOfSdk(alias: unknown): boolean {
  return isTree(alias) && Object.keys(alias).length === 1 && /^(?:aws|kubernetes):/.test(String(alias.type));
}

async function dependencies(dependsOn: pulumi.ResourceOptions["dependsOn"], names: Names): Promise<string[]> {
  const list: readonly unknown[] = Array.isArray(dependsOn) ? dependsOn : [dependsOn];
  const nested = await Promise.all(
    list.map(async (item) => {
      const value: unknown = await (pulumi.Output.isInstance(item) ? valueOf(item) : item);
      if (value === undefined) return [];
      return Array.isArray(value) ? dependencies(value as pulumi.Resource[], names) : [await nameOf(value, names)];
    }),
  );
  return nested.flat();
}

async function nameOf(resource: unknown, names: Names): Promise<string> {
  const value: unknown = await (pulumi.Output.isInstance(resource) ? valueOf(resource) : resource);
  if (!pulumi.Resource.isInstance(value)) return String(value);
  const registration = names.get(value);
  if (registration === undefined) throw new Error("an option names a resource that the program did not register");
  const path = pathOf(registration, names);
  return registration.shared.has(registration.name) ? `${path} (${shortType(registration.type)})` : path;
}

/** The value with its outputs resolved. */
async function plain(value: unknown): Promise<unknown> {
  if (pulumi.Output.isInstance(value)) {
    const inside = await valueOf(value);
    // Of a secret object, the keys say what it is for.
    return (await pulumi.isSecret(value)) ? mapLeaves(inside, () => "<secret>") : plain(inside);
  }
  if (value instanceof Promise) return plain(await value);
  if (pulumi.CustomResource.isInstance(value)) return plain(value.id);
  if (pulumi.Resource.isInstance(value)) return plain(value.urn);
  if (value instanceof pulumi.asset.FileAsset) return { file: await value.path };
  if (value instanceof pulumi.asset.StringAsset) return { text: await value.text };
  if (value instanceof pulumi.asset.FileArchive) return { archive: await value.path };
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  if (isTree(value)) {
    const entries = await Promise.all(
      Object.entries(value).map(async ([key, item]) => [key, await plain(item)] as const),
    );
    return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
  }
  return typeof value === "string" ? embedded(value) : value;
}

/** A dumped value with documents inside of strings as the strings that they are. */
export function withText(value: unknown): unknown {
  if (value instanceof Embedded) return JSON.stringify(value.value);
  if (Array.isArray(value)) return value.map(withText);
  if (isTree(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withText(item)]));
  return value;
}

function embedded(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" ? new Embedded(value) : text;
  } catch {
    return text;
  }
}

/** The dump as YAML. */
export function dumpText(title: string, { resources, outputs }: Dump): string {
  const head = [
    `# ${title}`,
    "# What the program registers, written by `npm run golden`; a change of this file is a change of what people deploy.",
    `# ${countText(resources)}`,
  ];
  const blocks = resources.map(({ path, type, options, inputs }) =>
    yaml([
      {
        resource: path,
        type,
        ...(Object.keys(options).length === 0 ? {} : { options }),
        ...(Object.keys(inputs).length === 0 ? {} : { inputs }),
      },
    ]),
  );
  return `${[head.join("\n"), ...blocks, `# Outputs of the stack\n${yaml([{ outputs }])}`].join("\n\n")}\n`;
}

/** `187 resources: aws 61, components 12, kubernetes 97` */
export function countText(resources: readonly Pick<DumpedResource, "type">[]): string {
  const counts = new Map<string, number>();
  for (const { type } of resources) counts.set(packageOf(type), (counts.get(packageOf(type)) ?? 0) + 1);
  const parts = [...counts].toSorted(([a], [b]) => compare(a, b)).map(([name, count]) => `${name} ${count}`);
  return `${resources.length} resources: ${parts.join(", ")}`;
}

function packageOf(type: string): string {
  const [name = ""] = type.split(":");
  switch (name) {
    case "posttraining":
      return type.startsWith("posttraining:index:") ? "components" : "posttraining";
    case "pulumi":
      return "providers";
    default:
      return name;
  }
}

function yaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false, customTags: [embeddedTag] });
  return document.toString({ lineWidth: 0, singleQuote: false }).trimEnd();
}

const embeddedTag = {
  tag: "!json",
  identify: (value: unknown) => value instanceof Embedded,
  createNode: (_: unknown, value: unknown) => {
    const { contents } = new Document((value as Embedded).value, { aliasDuplicateObjects: false });
    if (!isNode(contents) || !isCollection(contents)) throw new Error("an embedded document is an object or a list");
    contents.tag = "!json";
    return contents;
  },
  resolve: (text: string) => text,
};
