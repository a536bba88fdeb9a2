/** Type tokens of the provider's resources: the one place that names them. */
export const resourceTypes = {
  objectStoreServer: "posttraining:runtime:ObjectStoreServer",
  metaflowHome: "posttraining:runtime:MetaflowHome",
  rehearsal: "posttraining:runtime:Rehearsal",
  flowRun: "posttraining:runtime:FlowRun",
  modelServer: "posttraining:runtime:ModelServer",
  password: "posttraining:runtime:Password",
} as const;

export type ResourceTypeToken = (typeof resourceTypes)[keyof typeof resourceTypes];
