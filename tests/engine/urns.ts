/** `urn:…::posttraining:index:FlowDeployment$posttraining:runtime:FlowRun::sft-run` -> `posttraining:runtime:FlowRun` */
export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

/** `urn:…::posttraining:runtime:FlowRun::sft-run` -> `sft-run` */
export function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}
