interface Hidden {
  readonly size: number;
}

/** Arguments of `Uncommented`. */
export interface UncommentedArgs {
  count: number;

  /** One that no page shows. */
  hidden: Hidden;
}

/** A component; see {@link Nowhere}. */
export class Uncommented {
  readonly url: string;

  constructor(args: UncommentedArgs) {
    this.url = `https://${args.count + args.hidden.size}.example.com`;
  }
}
