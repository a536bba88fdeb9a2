import { findCommand, lastLines, runCommand } from "./command.mjs";

/**
 * Downloads a file with curl: it knows the machine's proxies and certificates. Gives up quickly where there is no way out.
 * An https address is not left for one that is not.
 *
 * @param {string} url
 * @param {string} file
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<string | undefined>} why it failed; undefined when it did not
 */
export async function download(url, file, environment) {
  const curl = findCommand("curl");
  if (curl === undefined) return "curl is not installed";
  const limits = ["--connect-timeout", "5", "--speed-limit", "1000", "--speed-time", "20"];
  const protocols = url.startsWith("https:") ? ["--proto", "=https", "--proto-redir", "=https"] : [];
  const { status, output } = await runCommand(curl, ["-fsSL", ...limits, ...protocols, "-o", file, url], {
    environment,
  });
  return status === 0 ? undefined : (lastLines(output, 1)[0] ?? `curl ended with status ${status}`);
}
