import type { PeakMetric } from "../memory";
import type { Row } from "./fields";

export function parseMetric(row: Row, assumed: string[]): PeakMetric {
  const text = row.peak_metric.toLowerCase();
  if (text.includes("reserved")) return "reserved";
  if (/allocated|active/.test(text)) return "allocated";
  if (text === "" || text.startsWith("reported")) assumed.push("peak_metric: what nvidia-smi shows");
  return "device";
}
