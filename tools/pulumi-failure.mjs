/**
 * What to do about an error of Pulumi that a person can mend.
 *
 * @param {string} errors what Pulumi wrote to standard error
 * @param {object} facts
 * @param {string} facts.stack
 * @param {string} facts.passphraseSource where the passphrase came from
 * @param {string} facts.stateDirectory
 * @returns {string | undefined}
 */
export function explainFailure(errors, { stack, passphraseSource, stateDirectory }) {
  if (/incorrect passphrase/i.test(errors)) {
    return [
      `The passphrase does not open the secrets of stack ${stack}. It was read from ${passphraseSource}.`,
      "  Give the one that the stack was made with: unset PULUMI_CONFIG_PASSPHRASE and PULUMI_CONFIG_PASSPHRASE_FILE to use",
      "  the checkout's own, or set one of them if the stack was made with yours.",
    ].join("\n");
  }
  if (/the stack is currently locked by/i.test(errors)) {
    return [
      `Another Pulumi command works on stack ${stack}, or was killed while it did (the line above says which process).`,
      `  Wait for it; if that process has ended: npm run pulumi -- cancel --yes ${stack}`,
    ].join("\n");
  }
  if (/no space left on device|ENOSPC/i.test(errors)) {
    return `The disk is full. Make room (state, models and logs lie below ${stateDirectory}), then run the command again.`;
  }
  if (/no stack named/i.test(errors)) {
    return `There is no stack ${stack} in this checkout. Make it: npm run pulumi -- stack init ${stack}`;
  }
  if (
    /(?:dial tcp|lookup .*: no such host|could not download plugin|failed to download plugin|ENOTFOUND|EAI_AGAIN)/i.test(
      errors,
    )
  ) {
    return "Something was to be downloaded, and there is no way to it. Check the network (behind a proxy: HTTPS_PROXY), then run the command again.";
  }
  return undefined;
}
