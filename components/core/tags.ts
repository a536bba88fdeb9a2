/** Value of the tag `project`: platform and experiments together. */
export const projectTag = "posttraining";

/**
 * Tags that every AWS resource of a stack carries, by which budgets, policies and teardown know it.
 *
 * @param expiresAt ISO 8601 time after which teardown may destroy the stack; every experiment has one.
 */
export function stackTags(stack: string, owner: string, expiresAt?: string): Record<string, string> {
  return {
    project: projectTag,
    stack,
    owner,
    ...(expiresAt === undefined ? {} : { "expires-at": expiresAt }),
  };
}
