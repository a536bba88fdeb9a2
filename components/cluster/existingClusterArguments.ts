import type * as pulumi from "@pulumi/pulumi";
import { type InputError, valueErrors, writtenValue } from "../core/inputErrors";

/** Everything that is wrong with the arguments of `existingCluster`, and what to write instead. */
export function existingClusterArgumentErrors(args: {
  readonly context: pulumi.Input<string>;
  readonly kubeconfig?: pulumi.Input<string>;
}): InputError[] {
  const { context, kubeconfig } = args;
  return [...valueErrors("context", context, contextProblem), ...kubeconfigErrors(kubeconfig)];
}

function kubeconfigErrors(kubeconfig: pulumi.Input<string> | undefined): InputError[] {
  if (kubeconfig === undefined) return [];
  // Its text holds credentials, which no message may repeat.
  if (isKubeconfigItself(writtenValue(kubeconfig) ?? "")) {
    return [{ propertyPath: "kubeconfig", reason: itselfReason }];
  }
  return valueErrors("kubeconfig", kubeconfig, kubeconfigProblem);
}

/** Text on one line, without blanks at its ends. */
const line = /^[^\s\u0000-\u001f\u007f](?:[^\u0000-\u001f\u007f]{0,251}[^\s\u0000-\u001f\u007f])?$/;

const isKubeconfigItself = (text: string): boolean => /[\n{]|apiVersion/.test(text);
const itselfReason =
  "holds a kubeconfig itself, whose credentials would be kept in the state; it must be the path of a file";

/** Why a text is no name of a context. */
export function contextProblem(context: string): string | undefined {
  return line.test(context)
    ? undefined
    : "must be the name of a context: `kubectl config get-contexts -o name` lists them";
}

/** Why a text is no path of a kubeconfig. */
export function kubeconfigProblem(kubeconfig: string): string | undefined {
  if (isKubeconfigItself(kubeconfig)) return `it ${itselfReason}`;
  return line.test(kubeconfig) ? undefined : "must be the path of a file; leave it out for KUBECONFIG";
}
