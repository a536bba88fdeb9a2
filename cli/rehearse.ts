import { rehearse } from "../rehearsal/rehearse";
import { runMain } from "../setup/problem.mjs";
import { environmentHere } from "../setup/set-up-environment.mjs";
import { requireBootstrap } from "../setup/set-up.mjs";
import { endWithReader } from "./commandOutcome";
import { rehearseCommand } from "./rehearseCommand";

/** `npm run rehearse -- <recipe>`: runs a recipe small, on this machine's processors, and says what that proves. */

const ended = new AbortController();

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    ended.abort(new Error("ended"));
  });
}

void runMain(() => {
  endWithReader();
  return rehearseCommand(process.argv.slice(2), {
    rehearse: (rehearsal, calls) => rehearse(rehearsal, { ...calls, environment: environmentHere() }),
    print: (line) => {
      console.log(line);
    },
    printError: (line) => {
      console.error(line);
    },
    prepare: () => requireBootstrap("everything"),
    signal: ended.signal,
  });
});
