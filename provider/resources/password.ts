/** What a program says of a Password. */
export interface PasswordInputs {
  readonly length: number;
  /** A new value here makes a new password. */
  readonly generation: number;
}

/** What the stack keeps of a Password. */
export interface PasswordState extends PasswordInputs {
  readonly value: string;
}
