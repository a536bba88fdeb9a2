import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { readPulumiArguments } from "../../cli/pulumiArguments";
import { operationOf } from "../../cli/pulumiCommands";
import { pulumiCommand } from "../../cli/stack";
import { pulumiEnvironment } from "../../setup/environment.mjs";

/** Pulumi's own explanation of its commands, to which what this project knows of them is held. */
const commands = [
  ...["up", "preview", "refresh", "destroy", "cancel", "config"],
  ...["stack init", "stack rename", "stack rm", "stack select"],
];

const helpOf = (command: string): string =>
  execFileSync(pulumiCommand, [...command.split(" "), "--help"], { encoding: "utf8", env: pulumiEnvironment() });

/** The names of a command's last word; none are listed where it has one alone. */
const namesIn = (help: string): string[] => /^Aliases:\n +(.*)$/m.exec(help)?.[1]?.split(", ") ?? [];

/** Every flag, by its letter too, and whether the next word of a command line is its value. */
const flagsIn = (help: string): { flag: string; isOpen: boolean }[] =>
  [...help.matchAll(/^ +(?:(-\w), )?(--[\w-]+)(?: (\S+))? {2,}/gm)].flatMap(([, letter, long, type]) =>
    [letter, long].flatMap((flag) =>
      // Pulumi prints "false" for the type of a flag whose explanation quotes that word.
      flag === undefined ? [] : [{ flag, isOpen: type !== undefined && type !== "false" && !type.includes("[=") }],
    ),
  );

describe.each(commands)("pulumi %s", (command) => {
  const help = helpOf(command);
  const words = command.split(" ");

  it("is known by all of its names", () => {
    for (const name of namesIn(help)) expect(operationOf([...words.slice(0, -1), name]), name).toBe(operationOf(words));
  });

  it("has flags of which it is known whether a value follows", () => {
    const flags = flagsIn(help);
    expect(flags.length).toBeGreaterThan(10);
    const taken = ({ flag }: { flag: string }) => !readPulumiArguments([...words, flag, "next"]).words.includes("next");
    expect(flags.filter((each) => taken(each) !== each.isOpen)).toEqual([]);
  });
});
