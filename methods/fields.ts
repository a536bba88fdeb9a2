import { z } from "zod";

/** A weight in a sum. The bound lies far outside of what anybody has trained with, so that what is beyond it is a slip. */
export const weight = z.number().positive().max(1_000_000);
