export type { ModelShape } from "../../catalog/models";
export { countAdapterParameters, type AdapterTargets } from "./adapters";
export { shapeFromConfig } from "./configFile";
export { sizeFromName } from "./names";
export { activeIntermediate, countParameters, type ParameterCounts } from "./parameters";
export { findShape, modelNames } from "./table";
export { interpolateShape } from "./typical";
