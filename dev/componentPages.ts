import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { Reflection } from "typedoc" with { "resolution-mode": "import" };
import { root } from "../machine/checkout.mjs";
import { filesBelow } from "./staleFiles";

/** Where the pages lie, below the top of the checkout. No other file lies there. */
export const pagesFolder = join("docs", "components");

/** The reference of the components. */
export interface ComponentPages {
  /** Texts by file, below the top of the checkout. */
  readonly pages: ReadonlyMap<string, string>;
  /** What the comments in the sources lack, a sentence each. */
  readonly problems: readonly string[];
}

/** What programs use of each folder of components/. */
function componentIndexes(): string[] {
  const folder = join(root, "components");
  return readdirSync(folder).map((name) => join(folder, name, "index.ts"));
}

/**
 * Makes the reference from the comments of what programs use.
 *
 * @param entryPoints files, absolute, each of which is a page of what it exports; left out: the index.ts of each folder of components/.
 * @throws Error if the sources cannot be read.
 */
export async function componentPages(entryPoints: readonly string[] = componentIndexes()): Promise<ComponentPages> {
  const { Application, Converter, Logger, LogLevel, ReflectionKind, TSConfigReader, TypeDocReader } =
    await import("typedoc");
  const out = mkdtempSync(join(tmpdir(), "component-pages-"));
  try {
    const readers = [new TypeDocReader(), new TSConfigReader()];
    const options = { options: root, tsconfig: root, out, entryPoints: [...entryPoints] };
    const app = await Application.bootstrapWithPlugins(options, readers);
    // Not the whole project, to be quick.
    app.options.setCompilerOptions(entryPoints, app.options.getCompilerOptions(app.logger), undefined);
    const problems: string[] = [];
    app.logger = new (class extends Logger {
      override log(message: string, level: number): void {
        if (level >= (LogLevel.Warn as number)) problems.push(message);
      }
    })();
    // Types stand on the pages as they are written. Of a type that zod infers, the compiler knows no name.
    app.converter.on(Converter.EVENT_BEGIN, (context) => {
      context.convertingTypeNode = true;
    });
    // How a component is constructed is the same for all, and their examples show it.
    app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
      for (const constructor of project.getReflectionsByKind(ReflectionKind.Constructor)) {
        project.removeReflection(constructor);
      }
    });
    const project = await app.convert();
    if (project === undefined) throw new Error(["The components cannot be read:", ...problems].join("\n"));
    // What is inside of `nodes` and `transform` is called after its resource, and a kind is said by its value.
    const saidByName = project
      .getReflectionsByKind(ReflectionKind.Property)
      .filter((property) => !property.hasComment())
      .map((property) => property.getFriendlyFullName())
      .filter((name) => /\.(?:nodes|transform)\.__type\.|\.__type\.kind$/.test(name));
    app.options.setValue("intentionallyNotDocumented", [...new Set(saidByName)]);
    app.validate(project);
    problems.push(...project.getReflectionsByKind(ReflectionKind.Class).flatMap(missingParts));
    await app.generateOutputs(project);
    const pages = filesBelow(out).map((file): [string, string] => [
      join(pagesFolder, relative(out, file)),
      readFileSync(file, "utf8"),
    ]);
    return { pages: new Map(pages), problems };
  } finally {
    rmSync(out, { recursive: true });
  }
}

/** What a component costs, and what becomes of what it has made, is for whoever uses it the first thing to know. */
function missingParts(component: Reflection): string[] {
  const text = (component.comment?.summary ?? []).map((part) => part.text).join("");
  return ["Cost", "Teardown"]
    .filter((part) => !text.includes(`**${part}**`))
    .map((part) => `The comment of ${component.name} has no **${part}**.`);
}
