import { expect, it } from "vitest";
import { holdsUnknown, unknownValue, unwrapSecrets, wrapSecrets } from "../../../provider/wire";

it("a value that holds an unknown one somewhere is not known", () => {
  expect(holdsUnknown({ list: [{ deep: unknownValue }] })).toBe(true);
  expect(holdsUnknown(wrapSecrets({ key: unknownValue }, ["key"]))).toBe(true);
  expect(holdsUnknown({ list: [null, 0, "", false, {}] })).toBe(false);
});

it("secrets are wrapped by name, and found wherever the engine has put them", () => {
  const wrapped = wrapSecrets({ key: "a", port: 1, absent: undefined }, ["key", "absent"]);
  expect(JSON.stringify(wrapped.port)).toBe("1");
  expect(wrapped.key).not.toBe("a");
  expect(wrapped).not.toHaveProperty("absent");
  expect(unwrapSecrets({ list: [wrapped], none: null })).toEqual({ list: [{ key: "a", port: 1 }], none: null });
  // One within another.
  expect(unwrapSecrets(wrapSecrets({ outer: wrapped }, ["outer"]))).toEqual({ outer: { key: "a", port: 1 } });
});
