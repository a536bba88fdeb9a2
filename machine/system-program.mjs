import { execFileSync } from "node:child_process";
import process from "node:process";

/**
 * Asks a program of the system. That one ends with an error may mean that it could not look at something, or that there is nothing;
 * what it said counts.
 *
 * @param {string} program
 * @param {readonly string[]} parameters
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {string} what it wrote to standard output
 * @throws {Error} when it did not run: that nothing was found would be an invention
 */
export function askSystem(program, parameters, environment = process.env) {
  // Services, jobs of cron and containers often lack the folders of system programs (lsof is in /usr/sbin on macOS).
  const PATH = [environment.PATH ?? "", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    .filter((each) => each !== "")
    .join(":");
  try {
    return execFileSync(program, parameters, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 256 * 1024 * 1024,
      env: { ...environment, PATH },
    });
  } catch (error) {
    const { status, stdout, message } = /** @type {{ status?: unknown, stdout?: string, message: string }} */ (error);
    if (typeof status === "number") return stdout ?? "";
    throw new Error(`${program} cannot be run, and without it nobody knows what runs on this machine: ${message}`, {
      cause: error,
    });
  }
}
