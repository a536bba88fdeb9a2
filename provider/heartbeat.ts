import { type Clock, type Reminder, remind, systemClock } from "../machine/reminder.mjs";
import type { OperationContext } from "./handler";

/** Says what is waited for and since when, whenever nothing has been said for a while. */
export class Heartbeat {
  private reminder: Reminder | undefined;

  /** @param what is waited for, for example `starting the run sft-0123`. */
  constructor(
    private readonly context: Pick<OperationContext, "progress">,
    private what: string,
    private readonly clock: Clock = systemClock,
  ) {}

  /** Says something that has happened; from now on what follows it is waited for. */
  progress(message: string): void {
    this.what = message;
    this.reminder?.begin(message);
    this.reminder?.said();
    this.context.progress(message);
  }

  /** Speaks as long as the work is under way. */
  async during<T>(work: Promise<T>): Promise<T> {
    const reminder = remind(this.what, this.context.progress, this.clock);
    this.reminder = reminder;
    try {
      return await work;
    } finally {
      reminder.stop();
      this.reminder = undefined;
    }
  }
}
