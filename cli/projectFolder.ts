import { existsSync } from "node:fs";
import * as path from "node:path";

/**
 * The folder of the project that Pulumi works on in a folder: the nearest one, this or above, that holds `Pulumi.yaml`.
 *
 * @param folder absolute
 * @returns undefined where there is none
 */
export function projectFolder(folder: string): string | undefined {
  if (existsSync(path.join(folder, "Pulumi.yaml"))) return folder;
  const above = path.dirname(folder);
  return above === folder ? undefined : projectFolder(above);
}
