/** One statement of a policy document, in one form whatever way it was written. */
export interface Statement {
  readonly effect: string;
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  readonly resources: readonly string[];
  readonly notResources: readonly string[];
  readonly principal: unknown;
  readonly condition: Readonly<Record<string, unknown>> | undefined;
}

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

const texts = (value: unknown): string[] =>
  [value].flat().filter((element): element is string => typeof element === "string");

/**
 * The statements of a policy document, which is JSON or the value of it. A document that cannot be read has none: AWS refuses it.
 */
export function statementsOf(document: unknown): Statement[] {
  const value = typeof document === "string" ? parsed(document) : document;
  if (!isTree(value)) return [];
  return [value.Statement].flat().flatMap((statement) =>
    isTree(statement)
      ? {
          effect: String(statement.Effect),
          actions: texts(statement.Action),
          notActions: texts(statement.NotAction),
          resources: texts(statement.Resource),
          notResources: texts(statement.NotResource),
          principal: statement.Principal,
          condition: isTree(statement.Condition) ? statement.Condition : undefined,
        }
      : [],
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** AWS principals of a statement; "*" is everybody. */
export function principalsOf({ principal }: Statement): string[] {
  return isTree(principal) ? texts(principal.AWS) : texts(principal);
}
