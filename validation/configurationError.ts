import { errorMessage, type FieldError } from "./explain";

/** A configuration that was refused; `message` names every wrong field. */
export class ConfigurationError extends Error {
  constructor(readonly errors: readonly FieldError[]) {
    super(messageOf(errors, "<stack>"));
    this.name = "ConfigurationError";
  }

  /** The same for whoever edits the file of one stack. */
  messageFor(stack: string): string {
    return messageOf(this.errors, stack);
  }
}

function messageOf(errors: readonly FieldError[], stack: string): string {
  const message = errorMessage(
    `The stack's configuration (posttraining:stack in stacks/Pulumi.${stack}.yaml) is not valid:`,
    errors,
  );
  const concernsRecipes = errors.some(({ path }) => path.includes(".recipe ("));
  if (!concernsRecipes) return message;
  return `${message}\nThe fields of a recipe stand in flows/recipes/<recipe>.yaml, or in the stage's \`set\`.`;
}
