import type { Comparison } from "./evaluation";

const colours: Readonly<Record<string, string>> = {
  full: "#d1495b",
  LoRA: "#00798c",
  QLoRA: "#edae49",
  "other adapters": "#8d96a3",
};

/** Predicted against measured peaks on logarithmic axes, one dot a row, as SVG. */
export function scatter(points: readonly Comparison[], title: string): string {
  const size = 640;
  const margin = 60;
  const low = Math.log10(2);
  const high = Math.log10(160);
  const x = (value: number): number => margin + ((Math.log10(value) - low) / (high - low)) * (size - 2 * margin);
  const y = (value: number): number => size - x(value);
  const f = (value: number): string => value.toFixed(1);
  const ticks = [2, 5, 10, 20, 50, 100];
  const lines = ticks.flatMap((tick) => [
    `<line x1="${f(x(tick))}" y1="${f(y(2))}" x2="${f(x(tick))}" y2="${f(y(160))}" stroke="#ddd"/>`,
    `<line x1="${f(x(2))}" y1="${f(y(tick))}" x2="${f(x(160))}" y2="${f(y(tick))}" stroke="#ddd"/>`,
    `<text x="${f(x(tick))}" y="${f(y(2) + 18)}" text-anchor="middle">${String(tick)}</text>`,
    `<text x="${f(x(2) - 8)}" y="${f(y(tick) + 4)}" text-anchor="end">${String(tick)}</text>`,
  ]);
  const band = (factor: number): string =>
    `<line x1="${f(x(2 / Math.min(1, factor)))}" y1="${f(y(2 * Math.max(1, factor)))}" x2="${f(x(160 / Math.max(1, factor)))}" y2="${f(y(160 * Math.min(1, factor)))}" stroke="#999" stroke-dasharray="4 4"/>`;
  const dots = points
    .filter((point) => point.measured >= 2 && point.predicted >= 2 && point.measured <= 160 && point.predicted <= 160)
    .map(
      (point) =>
        `<circle cx="${f(x(point.measured))}" cy="${f(y(point.predicted))}" r="4" fill="${colours[point.trainable] ?? "#555"}" fill-opacity="${point.grade === "A" ? "0.75" : "0.35"}"><title>${point.id} ${point.model.replace(/[<&>]/g, "")}: ${point.measured.toFixed(1)} measured, ${point.predicted.toFixed(1)} predicted</title></circle>`,
    );
  const legend = Object.entries(colours).map(
    ([name, colour], i) =>
      `<circle cx="${String(margin + 20)}" cy="${String(margin + 20 + i * 18)}" r="5" fill="${colour}"/><text x="${String(margin + 32)}" y="${String(margin + 24 + i * 18)}">${name}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(size)} ${String(size)}" font-family="sans-serif" font-size="12" fill="#333">
<rect width="${String(size)}" height="${String(size)}" fill="#fff"/>
<text x="${String(size / 2)}" y="28" text-anchor="middle" font-size="15">${title}</text>
${lines.join("\n")}
<line x1="${f(x(2))}" y1="${f(y(2))}" x2="${f(x(160))}" y2="${f(y(160))}" stroke="#333"/>
${band(1.2)}
${band(0.8)}
${dots.join("\n")}
${legend.join("\n")}
<text x="${String(size / 2)}" y="${String(size - 14)}" text-anchor="middle">measured peak, GiB</text>
<text x="18" y="${String(size / 2)}" text-anchor="middle" transform="rotate(-90 18 ${String(size / 2)})">predicted peak, GiB</text>
</svg>
`;
}
