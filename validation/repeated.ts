import { type FieldError, show } from "./explain";

/** Values that are there twice, each named where it is there again. */
export function repeated(values: readonly unknown[], path: string, field?: string): FieldError[] {
  return values.flatMap((value, index) => {
    const first = values.indexOf(value);
    const suffix = field === undefined ? "" : `.${field}`;
    return value === undefined || first === index
      ? []
      : [{ path: `${path}[${index}]${suffix}`, reason: `got ${show(value)}, which is ${path}[${first}] already` }];
  });
}
