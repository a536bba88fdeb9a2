/**
 * What a cluster needs to run jobs on GPUs, and the queues by which teams share them.
 *
 * @module gpu
 */
export { GpuAddons, type GpuAddonsArgs } from "./gpuAddons";
export type { GpuAddon, GpuAddonVersions } from "./gpuCharts";
export type { Team } from "./kueueQueues";
export { TeamQueues, type TeamQueuesArgs } from "./teamQueues";
