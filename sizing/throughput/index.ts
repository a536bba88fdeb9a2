/** Time of one optimizer step: passes.ts counts what is computed; compute, communication, optimizer and generation say how long it takes. */
export { estimateStepTime, type StepTime } from "./stepTime";
