import { allMetrics, type Metric } from "../../../observability/metrics";

/**
 * Reads as much of PromQL as the project writes: enough to say which metrics, labels and functions an expression names. It is strict: what it
 * doesn't know is an error, so that a slip in a name can't pass as something else.
 */

const functions = new Set([
  "rate",
  "increase",
  "histogram_quantile",
  "vector",
  "avg_over_time",
  "sum_over_time",
  "label_replace",
]);
const aggregations = new Set(["sum", "avg", "min", "max", "count"]);
const operators = new Set(["and", "or", "unless", "bool", "offset"]);
const labelLists = new Set(["by", "on", "group_left"]);

export interface Reading {
  /** Names from the table of metrics. */
  readonly metrics: ReadonlySet<string>;
  /** Labels by which the expression groups. */
  readonly grouping: ReadonlySet<string>;
  readonly problems: readonly string[];
}

interface Token {
  readonly kind: "string" | "number" | "variable" | "name" | "mark";
  readonly text: string;
}

const pattern =
  /\s+|(?<string>"(?:[^"\\]|\\.)*")|(?<number>\d+(?:\.\d+)?(?:[smhd])?)|(?<variable>\$__range)|(?<name>[a-zA-Z_][\w:]*)|(?<mark>=~|!=|>=|<=|==|[-+*/<>=(){}[\],:])/y;

function tokens(expression: string): Token[] {
  const found: Token[] = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < expression.length) {
    const { lastIndex } = pattern;
    const match = pattern.exec(expression);
    if (match === null) throw new Error(`no PromQL at "${expression.slice(lastIndex, lastIndex + 20)}"`);
    const [kind, text] =
      Object.entries(match.groups ?? {}).find(([, value]) => (value as string | undefined) !== undefined) ?? [];
    if (kind !== undefined && text !== undefined) found.push({ kind: kind as Token["kind"], text });
  }
  return found;
}

/** The table's metric that a series' name belongs to: a histogram has series of its own names only. */
function metricOf(name: string): Metric | undefined {
  const direct = allMetrics.get(name);
  if (direct !== undefined) return direct.type === "histogram" ? undefined : direct;
  const base = allMetrics.get(name.replace(/_(?:bucket|sum|count)$/, ""));
  return base?.type === "histogram" ? base : undefined;
}

/** Names of an expression, and what is wrong with them. */
export function readExpression(expression: string): Reading {
  const list = tokens(expression);
  const metrics = new Map<string, Metric>();
  const grouping = new Set<string>();
  const made = new Set<string>(["le"]);
  const problems: string[] = [];
  let index = 0;
  const at = (offset: number) => list[index + offset]?.text;

  const readLabels = (): string[] => {
    const labels: string[] = [];
    index += 2;
    while (at(0) !== ")" && index < list.length) {
      if (list[index]?.kind === "name") labels.push(at(0) ?? "");
      index += 1;
    }
    index += 1;
    return labels;
  };

  const readMatchers = (metric: Metric) => {
    index += 1;
    while (at(0) !== "}" && index < list.length) {
      if (list[index]?.kind === "name") {
        const label = at(0) ?? "";
        if (!metric.labels.includes(label)) problems.push(`${metric.name} has no label ${label}`);
        if (list[index + 2]?.kind !== "string") problems.push(`label ${label} is compared with no string`);
      }
      index += 1;
    }
    index += 1;
  };

  while (index < list.length) {
    const token = list[index];
    if (token?.kind !== "name") {
      index += 1;
      continue;
    }
    const name = token.text;
    if (labelLists.has(name)) {
      if (at(1) !== "(") problems.push(`${name} without a list of labels`);
      for (const label of readLabels()) grouping.add(label);
    } else if (functions.has(name) || aggregations.has(name)) {
      if (at(1) !== "(" && !(aggregations.has(name) && at(1) === "by")) problems.push(`${name} without arguments`);
      index += 1;
    } else if (operators.has(name)) {
      index += 1;
    } else {
      const metric = metricOf(name);
      index += 1;
      if (metric === undefined) problems.push(`${name} is no metric of the table`);
      else {
        metrics.set(metric.name, metric);
        if (at(0) === "{") readMatchers(metric);
      }
    }
  }
  // label_replace(vector, destination, replacement, source, pattern)
  const replaced = /"(\w+)", "\$1", "(\w+)", "[^"]*"\)/g;
  const known = new Set([...metrics.values()].flatMap(({ labels }) => labels));
  for (const [, destination = "", source = ""] of expression.matchAll(replaced)) {
    made.add(destination);
    if (!known.has(source)) problems.push(`no metric has the label ${source}, from which ${destination} is made`);
  }
  for (const label of grouping)
    if (!known.has(label) && !made.has(label)) problems.push(`no metric of the expression has the label ${label}`);
  const open = list.filter(({ text }) => text === "(").length;
  const closed = list.filter(({ text }) => text === ")").length;
  if (open !== closed) problems.push(`${open} opening and ${closed} closing parentheses`);
  return { metrics: new Set(metrics.keys()), grouping, problems };
}
