import * as pulumi from "@pulumi/pulumi";

/** A resource as the mocks see it. */
export interface RegisteredResource {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Provider that it was given; absent for the one that Pulumi makes from the environment, and for components. */
  readonly provider?: string;
}

/** A resource as a stack transformation sees it. */
export interface Registration {
  readonly type: string;
  readonly name: string;
  /** Arguments as the resource's class has them: outputs are still outputs. */
  readonly props: Readonly<Record<string, unknown>>;
  readonly opts: pulumi.ResourceOptions;
  readonly resource: pulumi.Resource;
}

/** What a program registered: inputs from the mocks, options from a stack transformation (mocks do not see them). */
export interface Collected<T> {
  readonly result: T;
  readonly resources: readonly RegisteredResource[];
  readonly registrations: readonly Registration[];
}

/** Values that only a provider would know, by type token. */
export type ProviderOutputs = Readonly<Record<string, (inputs: Record<string, unknown>) => Record<string, unknown>>>;

/** What a provider would answer, for every resource. */
export type Provider = (
  resource: RegisteredResource,
  registration: Registration | undefined,
) => { id: string; state: Record<string, unknown> };

/** Runs a program under Pulumi's mocks and returns everything that it registered. */
export async function collect<T>(
  build: () => T,
  outputs: ProviderOutputs | Provider = {},
  stack = "test",
): Promise<Collected<T>> {
  const resources: RegisteredResource[] = [];
  const registrations: Registration[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: (args) => {
        const inputs = args.inputs as Record<string, unknown>;
        const provider = args.provider === undefined || args.provider === "" ? {} : { provider: args.provider };
        const resource = { type: args.type, name: args.name, inputs, ...provider };
        resources.push(resource);
        if (typeof outputs === "function") {
          const { type, name } = resource;
          return outputs(
            resource,
            registrations.find((registration) => registration.type === type && registration.name === name),
          );
        }
        return { id: `${args.name}-id`, state: { ...inputs, ...outputs[args.type]?.(inputs) } };
      },
      call: (args) => args.inputs as Record<string, unknown>,
    },
    "posttraining",
    stack,
    false,
    "organization",
  );
  let outcome: { result: T } | { failure: unknown } | undefined;
  await pulumi.runtime.runInPulumiStack(() => {
    pulumi.runtime.registerStackTransformation((registration) => {
      registrations.push(registration);
      return undefined;
    });
    // Thrown inside, an error would be reported a second time as an unhandled one: carry it out.
    try {
      outcome = { result: build() };
    } catch (failure) {
      outcome = { failure };
    }
    return Promise.resolve({});
  });
  await pulumi.runtime.disconnect();
  if (outcome === undefined) throw new Error("the program did not run");
  if ("failure" in outcome) throw outcome.failure;
  return { result: outcome.result, resources, registrations };
}

const signatureKey = "4dabf18193072939515e22adb298388d";

/** The plain value of a secret input as the mocks see it; fails the test when the input is not a secret. */
export function secretValue(input: unknown): unknown {
  if (typeof input === "object" && input !== null && signatureKey in input) return (input as { value?: unknown }).value;
  throw new Error(`not a secret: ${JSON.stringify(input)}`);
}

/** Resolves an output to its value. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply((value) => {
      resolve(value);
    });
  });
}
