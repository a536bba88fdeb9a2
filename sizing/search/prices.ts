import type { Instance } from "../../catalog/instances";
import type { CapacityKind, Constraints } from "./constraints";

/** A way of buying one instance. */
export interface Price {
  readonly capacity: CapacityKind;
  readonly usdPerHour: number;
}

/** The ways in which an instance can be bought and may be. */
export function pricesOf(instance: Instance, constraints: Constraints): Price[] {
  const allowed = constraints.capacity ?? ["on-demand", "capacity-block"];
  const prices: Price[] = [];
  if (allowed.includes("on-demand") && instance.onDemandUsdPerHour !== null)
    prices.push({ capacity: "on-demand", usdPerHour: instance.onDemandUsdPerHour });
  if (allowed.includes("capacity-block") && instance.capacityBlock && instance.capacityBlockUsdPerHour !== null)
    prices.push({ capacity: "capacity-block", usdPerHour: instance.capacityBlockUsdPerHour });
  return prices;
}

/** Hours that are paid for: Capacity Blocks are sold by the day, whole days up to 14 and then whole weeks. */
export function billedHours(capacity: CapacityKind, hours: number): number {
  if (capacity === "on-demand") return hours;
  const days = Math.ceil(hours / 24);
  return 24 * (days <= 14 ? days : Math.ceil(days / 7) * 7);
}
