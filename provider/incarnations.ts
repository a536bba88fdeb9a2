import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import { isAlive, ownIdentity } from "../machine/processes.mjs";
import { incarnationFile } from "../machine/stackFiles";

/**
 * Which of two resources with the same URN and id is the living one.
 *
 * A resource that is replaced by force (`up --replace`) has, when its contents are the same, the id of the one that takes its
 * place: the same run, the same folder, the same server. The engine makes the new one first and then deletes the old one, now or,
 * if it was killed in between, in a later operation. Deleting must not end what lives. So each creation gets a name of its own,
 * which the state keeps, and the last one is written down.
 */

const entrySchema = z.object({
  incarnation: z.string(),
  /** The provider's process that made it; while it lives, the operation is under way. */
  maker: z.object({ pid: z.number(), startTime: z.string() }),
  /** A later operation has met it in the state: the engine had saved it. */
  isSaved: z.boolean(),
});
type Entry = z.infer<typeof entrySchema>;

export class Incarnations {
  /** @param directory where they are written down, a file for each URN and id. */
  constructor(private readonly directory: string) {}

  /** A name for what has just been made. */
  begin(urn: string, id: string): string {
    const incarnation = randomUUID();
    this.write(urn, id, { incarnation, maker: ownIdentity(), isSaved: false });
    return incarnation;
  }

  /** Notes that the engine has this one in its state. */
  meet(urn: string, id: string, incarnation: unknown): void {
    const entry = this.read(urn, id);
    if (entry === undefined || entry.incarnation !== incarnation || entry.isSaved) return;
    this.write(urn, id, { ...entry, isSaved: true });
  }

  /**
   * True if another one with this URN and id lives: it was made in the operation that is under way, or it is known that the engine
   * has it. One that was made by an operation that was killed before the engine saved it is nobody's.
   */
  isReplaced(urn: string, id: string, incarnation: unknown): boolean {
    const entry = this.read(urn, id);
    if (entry === undefined || entry.incarnation === incarnation) return false;
    return entry.isSaved || isAlive(entry.maker);
  }

  end(urn: string, id: string): void {
    fs.rmSync(this.file(urn, id), { force: true });
  }

  private file(urn: string, id: string): string {
    return path.join(this.directory, incarnationFile(urn, id));
  }

  private read(urn: string, id: string): Entry | undefined {
    try {
      return entrySchema.parse(JSON.parse(fs.readFileSync(this.file(urn, id), "utf8")));
    } catch {
      // Made before this was written down, or damaged: nothing is known of another one.
      return undefined;
    }
  }

  private write(urn: string, id: string, entry: Entry): void {
    fs.mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const draft = `${this.file(urn, id)}.${process.pid}`;
    fs.writeFileSync(draft, JSON.stringify(entry), { mode: 0o600 });
    fs.renameSync(draft, this.file(urn, id));
  }
}
