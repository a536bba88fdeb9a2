/** The part of Grafana's dashboard model that the dashboards need, and pure functions that build it. */

/** Units as Grafana names them. */
export type Unit =
  "percent" | "percentunit" | "watt" | "celsius" | "Bps" | "s" | "reqps" | "currencyUSD" | "short" | "none";

/** One PromQL expression and the name of its series, for example "{{pod}}". */
export interface Query {
  readonly expression: string;
  readonly legend: string;
}

/** What a panel shows, before it has a place. */
export interface PanelRequest {
  readonly kind: "timeseries" | "stat" | "table";
  readonly title: string;
  /** What to make of it; shown at the panel's corner. */
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
}

interface GridPosition {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly instant: boolean;
  readonly range: boolean;
  readonly datasource: typeof datasource;
}

export interface Panel {
  readonly id: number;
  readonly type: PanelRequest["kind"];
  readonly title: string;
  readonly description: string;
  readonly gridPos: GridPosition;
  readonly datasource: typeof datasource;
  readonly fieldConfig: {
    readonly defaults: { readonly unit: Unit; readonly min: number };
    readonly overrides: readonly [];
  };
  readonly options: Readonly<Record<string, unknown>>;
  readonly targets: readonly Target[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly tags: readonly string[];
  readonly schemaVersion: number;
  readonly editable: boolean;
  readonly refresh: string;
  readonly time: { readonly from: string; readonly to: string };
  readonly timezone: string;
  readonly templating: { readonly list: readonly Readonly<Record<string, unknown>>[] };
  readonly panels: readonly Panel[];
}

/** Every panel asks the data source that the variable at the dashboard's head names. */
const datasource = { type: "prometheus", uid: "${datasource}" } as const;

const columns = 24;

/** Width and height in Grafana's grid of 24 columns. */
const sizes: Readonly<Record<PanelRequest["kind"], { w: number; h: number }>> = {
  stat: { w: 6, h: 4 },
  timeseries: { w: 12, h: 8 },
  table: { w: 12, h: 8 },
};

/** Places panels from left to right; one that doesn't fit, or is of another height, starts a row. */
export function place(requests: readonly PanelRequest[]): GridPosition[] {
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  return requests.map(({ kind }) => {
    const { w, h } = sizes[kind];
    if (x + w > columns || (x > 0 && h !== rowHeight)) {
      x = 0;
      y += rowHeight;
    }
    rowHeight = h;
    const position = { x, y, w, h };
    x += w;
    return position;
  });
}

function optionsOf(kind: PanelRequest["kind"]): Record<string, unknown> {
  switch (kind) {
    case "timeseries":
      return {
        legend: { displayMode: "table", placement: "bottom", calcs: ["mean", "max"] },
        tooltip: { mode: "multi" },
      };
    case "stat":
      return { reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false }, textMode: "value_and_name" };
    case "table":
      return { showHeader: true };
  }
}

/** A dashboard with its panels in the order in which they are given. */
export function dashboard(uid: string, title: string, requests: readonly PanelRequest[]): Dashboard {
  const positions = place(requests);
  return {
    uid,
    title,
    tags: ["posttraining"],
    schemaVersion: 39,
    editable: false,
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    timezone: "browser",
    templating: {
      list: [{ name: "datasource", label: "Data source", type: "datasource", query: "prometheus", hide: 0 }],
    },
    panels: requests.map(({ kind, title: panelTitle, description, unit, queries }, index): Panel => {
      const gridPos = positions[index];
      if (gridPos === undefined) throw new Error(`panel "${panelTitle}" has no place`);
      return {
        id: index + 1,
        type: kind,
        title: panelTitle,
        description,
        gridPos,
        datasource,
        fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
        options: optionsOf(kind),
        targets: queries.map(({ expression, legend }, query) => ({
          refId: String.fromCharCode("A".charCodeAt(0) + query),
          expr: expression,
          legendFormat: legend,
          instant: kind !== "timeseries",
          range: kind === "timeseries",
          datasource,
        })),
      };
    }),
  };
}
