import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { fastImagePullNodeConfig, type ImagePullNode, nodeUserData } from "../../../../components/gpu/gpuNodeConfig";

/** Headers and body of a MIME part, as RFC 2046 separates them: by the first empty line. */
function readPart(part: string): { headers: string[]; body: unknown } {
  const end = part.indexOf("\n\n");
  return { headers: part.slice(0, end).split("\n"), body: parse(part.slice(end + 2)) as unknown };
}

const specOf = (node: ImagePullNode) => (readPart(fastImagePullNodeConfig(node)).body as { spec: unknown }).spec;

describe("fastImagePullNodeConfig", () => {
  it("is a NodeConfig of nodeadm as one MIME part", () => {
    const { headers, body } = readPart(
      fastImagePullNodeConfig({ localDiskGb: 30_400, rootVolumeThroughputMibps: 125 }),
    );
    expect(headers).toEqual(["Content-Type: application/node.eks.aws"]);
    expect(body).toEqual({
      apiVersion: "node.eks.aws/v1alpha1",
      kind: "NodeConfig",
      spec: { instance: { localStorage: { strategy: "RAID0" } }, featureGates: { FastImagePull: true } },
    });
  });

  it("leaves RAID0 out where there is no instance store", () => {
    expect(specOf({ localDiskGb: 0, rootVolumeThroughputMibps: 1000 })).toEqual({
      featureGates: { FastImagePull: true },
    });
  });

  it.each([
    [599, {}],
    [600, { featureGates: { FastImagePull: true } }],
  ])("with a root volume of %d MiB/s and no instance store", (rootVolumeThroughputMibps, spec) => {
    expect(specOf({ localDiskGb: 0, rootVolumeThroughputMibps })).toEqual(spec);
  });
});

describe("nodeUserData", () => {
  it("puts parts between boundaries that none of them contains, and closes the last", () => {
    const parts = [
      fastImagePullNodeConfig({ localDiskGb: 1, rootVolumeThroughputMibps: 125 }),
      "Content-Type: text/x-shellscript\n\n#!/bin/bash\ntrue\n",
    ];
    const document = nodeUserData(parts);
    const [, boundary = ""] = /^Content-Type: multipart\/mixed; boundary="(.+)"$/m.exec(document) ?? [];
    expect(document.startsWith("MIME-Version: 1.0\n")).toBe(true);
    for (const part of parts) expect(part).not.toContain(boundary);
    const [preamble, ...rest] = document.split(`--${boundary}`);
    expect(preamble?.endsWith("\n\n")).toBe(true);
    expect(rest).toHaveLength(3);
    expect(rest.slice(0, 2).map((part) => part.trim())).toEqual(parts.map((part) => part.trim()));
    expect(rest[2]).toBe("--\n");
  });
});
