import { errorMessage, type FieldError } from "./explain";

/** A configuration that was refused; `message` names every wrong field. */
export class ConfigurationError extends Error {
  constructor(readonly errors: readonly FieldError[]) {
    super(
      errorMessage(
        "The stack's configuration (posttraining:stack in stacks/Pulumi.<stack>.yaml) is not valid:",
        errors,
      ),
    );
    this.name = "ConfigurationError";
  }
}
