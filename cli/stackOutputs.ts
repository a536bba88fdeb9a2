import { z } from "zod";
import {
  type LocalOutputs,
  localOutputsSchema,
  type PlatformOutputs,
  platformOutputsSchema,
  type SealedLocalOutputs,
  sealedLocalOutputsSchema,
} from "../contracts/stackOutputs";
import { Problem } from "../setup/problem.mjs";
import { readOutputs } from "./stack";
import { readPlainOutputs } from "./stackState";

const outputsSchema = z.discriminatedUnion("kind", [localOutputsSchema, platformOutputsSchema]);

/**
 * What a document says by its schema.
 *
 * @throws {Problem} when it is none: another version of this project has made the stack, or its last `up` was interrupted
 */
export function parseOutputs<Outputs>(stack: string, schema: z.ZodType<Outputs>, document: unknown): Outputs {
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new Problem(`The outputs of stack ${stack} are not those that this version of the project writes:`, [
    ...parsed.error.issues.slice(0, 5).map(({ path, message }) => `${path.map(String).join(".")}: ${message}`),
    `Have them written anew: npm run pulumi -- up -s ${stack}`,
  ]);
}

/**
 * The outputs of a stack, secrets and all.
 *
 * @returns undefined for a stack that has none yet: its first `up` has not ended
 * @throws {Problem} when they cannot be read
 */
export async function readStackOutputs(stack: string): Promise<LocalOutputs | PlatformOutputs | undefined> {
  const document = await readOutputs(stack);
  return Object.keys(document).length === 0 ? undefined : parseOutputs(stack, outputsSchema, document);
}

/**
 * The outputs of a local stack but for those that are secret, without asking Pulumi.
 *
 * @throws {Problem} when they cannot be read
 */
export const readLocalOutputs = (stack: string): SealedLocalOutputs =>
  parseOutputs(stack, sealedLocalOutputsSchema, readPlainOutputs(stack));
