import type { z } from "zod";
import { driverEventSchema, driverRequestSchema, runDescriptionSchema } from "./driver";
import { flowResultSchema } from "./flowResult";
import { lineageSchema, promotedModelSchema, registrationSchema } from "./lineage";
import { placementSchema } from "./placement";
import { planSchema } from "./plan";
import { progressSchema } from "./progress";
import { recipeSchema } from "./recipe";
import { rehearsalRecordSchema, rehearsalReportSchema, rehearsalRequestSchema } from "./rehearsal";
import { runDocumentSchema } from "./runDocument";
import { localOutputsSchema, platformOutputsSchema } from "./stackOutputs";

/** A document that crosses a boundary, with all that is generated from its schema (dev/contracts.ts). */
export interface Contract {
  /** Name of the generated files: `<name>.schema.json`, and `<name>.py` for the types that no earlier contract has. */
  readonly name: string;
  readonly schema: z.ZodType;
  /** Python neither reads nor writes it: it has no files for Python. */
  readonly isOfTypeScriptAlone?: true;
}

/** Every contract; one that uses another's types comes after it. */
export const contracts: readonly Contract[] = [
  { name: "recipe", schema: recipeSchema },
  { name: "plan", schema: planSchema },
  { name: "placement", schema: placementSchema },
  { name: "run_document", schema: runDocumentSchema },
  { name: "progress", schema: progressSchema },
  { name: "flow_result", schema: flowResultSchema },
  { name: "lineage", schema: lineageSchema },
  { name: "promoted_model", schema: promotedModelSchema },
  { name: "registration", schema: registrationSchema },
  { name: "driver_request", schema: driverRequestSchema },
  { name: "run_description", schema: runDescriptionSchema },
  { name: "driver_event", schema: driverEventSchema },
  { name: "rehearsal_request", schema: rehearsalRequestSchema },
  { name: "rehearsal_report", schema: rehearsalReportSchema },
  { name: "rehearsal_record", schema: rehearsalRecordSchema, isOfTypeScriptAlone: true },
  { name: "local_outputs", schema: localOutputsSchema, isOfTypeScriptAlone: true },
  { name: "platform_outputs", schema: platformOutputsSchema, isOfTypeScriptAlone: true },
];
