/** Arguments of `Commented`. */
export interface CommentedArgs {
  /** How many there are. */
  count: number;

  /** Changes what is made. */
  transform?: { bucket?: string };
}

/**
 * A component with all that a page needs.
 *
 * **Cost**: none.
 *
 * **Teardown**: nothing to delete.
 */
export class Commented {
  /** Its address. */
  readonly url: string;

  constructor(args: CommentedArgs) {
    this.url = `https://${args.count}.example.com`;
  }
}
