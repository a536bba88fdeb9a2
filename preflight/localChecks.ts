import { isOwnTask } from "../recipe/evaluationTasks";
import type { FieldError } from "../validation/explain";
import type { LocalReading, StageReading } from "../configuration/local";
import type { Machine } from "./machine";
import { isTinyModel } from "../recipe/relations";

/** What only this machine can say of a local stack's servers and environments. What it says of models is in modelChecks.ts. */

/** @returns one entry for every field to change */
export async function machineErrors(reading: LocalReading, machine: Machine): Promise<FieldError[]> {
  return [...environmentErrors(reading, machine), ...(await portErrors(reading, machine))];
}

function environmentErrors({ endpoint }: LocalReading, machine: Machine): FieldError[] {
  const errors: FieldError[] = [];
  const missing = (path: string, environment: "train" | "serve"): void => {
    errors.push({
      path,
      reason: `the Python environment .posttraining/python/${environment} is not there: run \`npm run bootstrap\``,
    });
  };
  if (!machine.hasPython("train")) missing("stages", "train");
  if (endpoint === undefined) return errors;
  if (!machine.hasPython("serve")) {
    missing("endpoint", "serve");
    return errors;
  }
  const problem = endpoint.engine === undefined ? undefined : machine.engineProblem(endpoint.engine);
  if (problem !== undefined) {
    errors.push({ path: "endpoint.engine", reason: problem.replace(/^endpoint\.engine: /, "") });
  }
  return errors;
}

async function portErrors({ store, endpoint }: LocalReading, machine: Machine): Promise<FieldError[]> {
  const wanted = [
    ["store", store.port],
    ["endpoint", endpoint?.port],
  ] as const;
  const asked = await Promise.all(
    wanted.map(async ([server, port]): Promise<FieldError[]> => {
      const reason = port === undefined ? undefined : await machine.portProblem(port, server);
      return reason === undefined ? [] : [{ path: `${server}.port`, reason }];
    }),
  );
  return asked.flat();
}

/**
 * Whether any stage refers to something that was not made by the project itself, so that it must be looked for and may be large.
 * The modules that do so are loaded only then.
 */
export function refersElsewhere({ stages }: LocalReading): boolean {
  return stages.some((stage) => !isMadeHere(stage));
}

function isMadeHere({ recipe }: StageReading): boolean {
  if (recipe === undefined) return true;
  const { model, dataset, evaluation } = recipe;
  return (
    isTinyModel(model?.base) &&
    model?.shape === undefined &&
    dataset?.source?.startsWith("tiny:") === true &&
    (evaluation?.tasks ?? []).every((task) => task === undefined || isOwnTask(task))
  );
}

/** Whether any stage asks that its recipe has been rehearsed; what looks for that is loaded only then. */
export const demandsRehearsals = ({ stages }: LocalReading): boolean =>
  stages.some(({ rehearsal }) => rehearsal === "required");
