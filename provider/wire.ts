/**
 * How values look on the wire between the engine and a provider.
 * Source: `@pulumi/pulumi` `runtime/rpc.ts` (specialSigKey, specialSecretSig, unknownValue).
 */

export const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export type Properties = Readonly<Record<string, unknown>>;

/** True for a value that the engine does not know yet (in a preview), or that holds one. */
export function holdsUnknown(value: unknown): boolean {
  if (value === unknownValue) return true;
  if (Array.isArray(value)) return value.some(holdsUnknown);
  if (typeof value === "object" && value !== null) return Object.values(value).some(holdsUnknown);
  return false;
}

/** The same value without its secret wrappers. */
export function unwrapSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrapSecrets);
  if (typeof value !== "object" || value === null) return value;
  const record = value as Record<string, unknown>;
  if (record[signatureKey] === secretSignature) return unwrapSecrets(record.value);
  return Object.fromEntries(Object.entries(record).map(([key, item]) => [key, unwrapSecrets(item)]));
}

/** Wraps the named properties as secrets, so that the engine encrypts them in its state and hides them in its output. */
export function wrapSecrets(properties: Properties, secret: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, secret.includes(key) ? { [signatureKey]: secretSignature, value } : value]),
  );
}
