/**
 * Where flows run: Metaflow in a cluster of one's own, on an Outerbounds platform, or on this machine.
 *
 * @module metaflow
 */
export { ArgoWorkflows, type ArgoWorkflowsArgs } from "./argoWorkflows";
export type { ArgoCharts } from "./argoWorkflowsArguments";
export { LocalMetaflowBackend, type LocalMetaflowBackendArgs } from "./localMetaflowBackend";
export type { MetaflowBackend } from "./metaflowBackend";
export {
  type DatabaseConnection,
  type DatabasePassword,
  type DatabaseTls,
  MetaflowDatabase,
  type MetaflowDatabaseArgs,
} from "./metaflowDatabase";
export {
  OuterboundsMetaflowBackend,
  type OuterboundsMetaflowBackendArgs,
  type TokenSource,
} from "./outerboundsMetaflowBackend";
export { SelfHostedMetaflowBackend, type SelfHostedMetaflowBackendArgs } from "./selfHostedMetaflowBackend";
