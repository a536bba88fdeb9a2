/** Processes that train where the plan spreads states over several, and nobody says how many. */
export const defaultProcesses = 2;
