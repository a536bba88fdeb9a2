/**
 * Runs of flows, and the endpoints of the models that they make.
 *
 * @module run
 */
export { type FlowCode, flowCode } from "./flowCode";
export { FlowDeployment, type FlowDeploymentArgs } from "./flowDeployment";
export type { InferenceEndpoint } from "./inferenceEndpoint";
export { LocalInferenceEndpoint, type LocalInferenceEndpointArgs } from "./localInferenceEndpoint";
