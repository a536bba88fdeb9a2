import type { OperationContext } from "../../../provider/handler";

/** A context that keeps what it is told. */
export function recordingContext(): OperationContext & { readonly lines: string[]; readonly cancel: () => void } {
  const lines: string[] = [];
  const controller = new AbortController();
  const keep = (message: string): void => {
    lines.push(message);
  };
  return {
    lines,
    progress: keep,
    info: keep,
    warn: keep,
    signal: controller.signal,
    cancel: () => {
      controller.abort();
    },
  };
}
