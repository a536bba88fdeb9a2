import type { Resource } from "@pulumi/pulumi";
import type {
  PolicyResource,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from "@pulumi/policy";
import * as proxy from "@pulumi/policy/proxy";

/** Runs rules on inputs as the engine hands them over: behind the proxy that refuses to tell what is not known in a preview. */

/** What the SDK uses itself and leaves out of its type definitions. */
const { unknownCheckingProxy, unknownStringValue } = proxy as unknown as {
  unknownCheckingProxy: (props: object) => Record<string, unknown>;
  unknownStringValue: string;
};

/** A value that a preview cannot know. */
export const unknown: string = unknownStringValue;

type ResourceClass = new (...args: never[]) => Resource;

/** `aws:s3/bucket:Bucket` of `aws.s3.Bucket`. */
export function typeOf(resourceClass: ResourceClass): string {
  return (resourceClass as unknown as { __pulumiType: string }).__pulumiType;
}

interface Policy {
  readonly configSchema?: ResourceValidationPolicy["configSchema"];
}

/** Values of a policy's configuration that the engine fills in. */
const defaultsOf = ({ configSchema }: Policy): Record<string, unknown> =>
  Object.fromEntries(Object.entries(configSchema?.properties ?? {}).map(([key, schema]) => [key, schema.default]));

/** What the SDK throws by way of a rule that is for another class. */
class NotApplicable extends Error {}

const notApplicable = (): never => {
  throw new NotApplicable();
};

export interface Setting {
  /** The policy's configuration. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** Default tags of the provider, as the engine keeps them. */
  readonly defaultTags?: Readonly<Record<string, string>>;
}

const options = { protect: false, ignoreChanges: [], aliases: [], additionalSecretOutputs: [] };
const timeouts = { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 };

/** What a rule says of a resource of this class with these inputs. */
export function violations(
  policy: ResourceValidationPolicy,
  resourceClass: ResourceClass,
  inputs: Readonly<Record<string, unknown>>,
  setting: Setting = {},
): string[] {
  const messages: string[] = [];
  const type = typeOf(resourceClass);
  const props = unknownCheckingProxy(inputs);
  const isType: ResourceValidationArgs["isType"] = (other) => typeOf(other) === type;
  const args: ResourceValidationArgs = {
    type,
    props,
    urn: `urn:pulumi:test::posttraining::${type}::it`,
    name: "it",
    opts: { ...options, customTimeouts: timeouts },
    provider: {
      type: "pulumi:providers:aws",
      urn: "urn:pulumi:test::posttraining::pulumi:providers:aws::aws",
      name: "aws",
      props: setting.defaultTags === undefined ? {} : { defaultTags: JSON.stringify({ tags: setting.defaultTags }) },
    },
    stackTags: new Map(),
    isType,
    asType: ((other: ResourceClass) =>
      typeOf(other) === type ? props : undefined) as ResourceValidationArgs["asType"],
    getConfig: (() => ({ ...defaultsOf(policy), ...setting.configuration })) as ResourceValidationArgs["getConfig"],
    notApplicable,
  };
  for (const validate of [policy.validateResource ?? []].flat()) {
    try {
      void validate(args, (message) => {
        messages.push(message);
      });
    } catch (error) {
      if (!(error instanceof NotApplicable)) throw error;
    }
  }
  return messages;
}

export interface StackResource {
  readonly name: string;
  readonly resourceClass: ResourceClass;
  readonly props: Readonly<Record<string, unknown>>;
  /** Names of the resources that a property takes outputs of. */
  readonly dependencies?: Readonly<Record<string, readonly string[]>>;
}

/** What a rule says of a whole stack, and of which resource. */
export function stackViolations(policy: StackValidationPolicy, stack: readonly StackResource[]): [string, string][] {
  const messages: [string, string][] = [];
  const resources = stack.map(({ name, resourceClass, props }): PolicyResource => {
    const type = typeOf(resourceClass);
    return {
      type,
      name,
      urn: `urn:pulumi:test::posttraining::${type}::${name}`,
      props: unknownCheckingProxy(props),
      opts: { ...options, customTimeouts: timeouts },
      dependencies: [],
      propertyDependencies: {},
      isType: (other) => typeOf(other) === type,
      asType: () => undefined,
    };
  });
  stack.forEach(({ dependencies }, index) => {
    for (const [property, names] of Object.entries(dependencies ?? {})) {
      const target = resources[index]?.propertyDependencies;
      if (target !== undefined) target[property] = resources.filter(({ name }) => names.includes(name));
    }
  });
  void policy.validateStack(
    {
      resources,
      stackTags: new Map(),
      getConfig: (() => ({})) as ResourceValidationArgs["getConfig"],
      notApplicable,
    },
    (message, urn) => {
      messages.push([urn?.split("::").at(-1) ?? "", message]);
    },
  );
  return messages;
}
