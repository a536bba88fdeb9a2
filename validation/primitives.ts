import { z } from "zod";

/** Text without control characters and without blanks at its ends, as the inside of a pattern. */
export const plainText = String.raw`[^\s\u0000-\u001f\u007f](?:[^\u0000-\u001f\u007f]*[^\s\u0000-\u001f\u007f])?`;

/** Text of a form that only a pattern says. The rule is part of the schema that Python reads, which has no other words for it. */
export const textLike = (pattern: string, rule: string) =>
  z
    .string()
    .regex(new RegExp(`^(?:${pattern})$`), rule)
    .meta({ rule });

/** A whole number within bounds, both included. */
export const wholeNumber = (from: number, to: number) => z.number().int().min(from).max(to);
