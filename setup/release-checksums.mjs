/**
 * SHA-256 sums of release archives, by tool, version and machine (`<process.platform>-<process.arch>`). A version that is
 * raised in go.mod needs its sums here: a test says so.
 *
 * @typedef {"linux-x64" | "linux-arm64" | "darwin-x64" | "darwin-arm64"} ReleaseMachine
 * @typedef {object} ReleaseChecksums
 * @property {string} version
 * @property {string} source where the sums were read
 * @property {string} read date
 * @property {Record<ReleaseMachine, string>} sha256
 */

/** @type {{ pulumi: ReleaseChecksums, versitygw: ReleaseChecksums }} */
export const releaseChecksums = {
  pulumi: {
    version: "3.258.0",
    source:
      "Formula/pulumi.rb of github.com/pulumi/homebrew-tap at 18f79b69f27ccbd84f022af4eb77a84c2dc7ca9a, which Pulumi's release process writes",
    read: "2026-11-28",
    sha256: {
      "linux-x64": "b6cf2de0243fece40f386bc7ae6a5194c39e15891c79f66cc6c8905bea8c6479",
      "linux-arm64": "c5928718c70ab328b22843ee41908942148743ff3021b29852efdcdd6ce369f1",
      "darwin-x64": "65cab2b670b6fd85e7bbcf956563cf7597ea13c2804c82f95f7407e60b01ec5f",
      "darwin-arm64": "4f743ed05afd9dc2e0663622e496bfe903a6ae6c102c54cf9e3f84af85a695bf",
    },
  },
  versitygw: {
    version: "1.8.0",
    source: "the release's checksums.txt, as public projects quote it: at least two, which agree, for each machine",
    read: "2026-11-28",
    sha256: {
      "linux-x64": "2ba2c734d10d2c4e651d03182cb4b246656bc735a2f282db7b0b73fba6073467",
      "linux-arm64": "b34051d33f5a9c457f790896acb7bd7d7e15ad8d92efb70616b924f37e401910",
      "darwin-x64": "104bd978e80ef0173554cfd8630ccc5bac24b00da440510b60365a3b6b6ab134",
      "darwin-arm64": "4953096f65a9c0d62ab184fb6b2ba7c2435229205cf00a56cb62cd4bf6b216ca",
    },
  },
};

/**
 * @param {keyof typeof releaseChecksums} tool
 * @param {string} version
 * @param {string} platform
 * @param {string} architecture
 * @returns {string | undefined} SHA-256 of the release's archive for a machine; undefined when it is not known
 */
export function knownChecksum(tool, version, platform, architecture) {
  const known = releaseChecksums[tool];
  /** @type {Partial<Record<string, string>>} */
  const sums = known.sha256;
  return known.version === version ? sums[`${platform}-${architecture}`] : undefined;
}
