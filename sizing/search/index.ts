/**
 * The search for a plan: candidates.ts has every plan that fits, from layouts, hosts, hours and prices; choose.ts takes the best and
 * its alternatives, relaxations.ts what helps where nothing fits; reasons.ts puts these decisions into words.
 */
export type { Candidate } from "./candidate";
export { candidates } from "./candidates";
export type { CapacityKind, Constraints } from "./constraints";
export { describeMachines } from "./reasons";
export { search, type SearchResult } from "./search";
