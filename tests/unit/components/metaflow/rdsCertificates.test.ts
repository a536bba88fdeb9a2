import { X509Certificate } from "node:crypto";
import * as tls from "node:tls";
import { describe, expect, it } from "vitest";
import { rdsCertificateAuthority } from "../../../../components/metaflow/rdsCertificates";
import { regionNames } from "../../../../catalog/regions";

const certificatesOf = (pem: string) =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (one) => new X509Certificate(one),
  );

describe("rdsCertificateAuthority", () => {
  it.each(regionNames)("has the three authorities of %s, all its own, self-signed and valid for years", (region) => {
    const pem = rdsCertificateAuthority(region) ?? "";
    const certificates = certificatesOf(pem);
    expect(certificates.map(({ subject }) => /CN=(.+)/.exec(subject)?.[1]).sort()).toEqual(
      ["ECC384", "RSA2048", "RSA4096"].map((kind) => `Amazon RDS ${region} Root CA ${kind} G1`),
    );
    for (const certificate of certificates) {
      expect(certificate.ca).toBe(true);
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      expect(Date.parse(certificate.validTo) - Date.now()).toBeGreaterThan(5 * 365 * 86_400_000);
    }
    // What goes into a pod is nothing but certificates, and OpenSSL takes it as it is.
    expect(pem.replace(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g, "")).toBe("");
    expect(() => tls.createSecureContext({ ca: pem })).not.toThrow();
  });

  it("knows the fingerprints that were compared with AWS's own bundle", () => {
    const fingerprints = certificatesOf(rdsCertificateAuthority("us-east-1") ?? "").map((one) => one.fingerprint256);
    expect(fingerprints).toContain(
      "E4:CE:41:D0:69:F4:BD:CD:B7:14:25:90:58:96:1E:E4:2E:D1:8C:F2:BF:62:7A:3D:64:7A:FF:25:43:7D:4B:68",
    );
  });

  it.each(["us-gov-west-1", "us-east", "us-east-1.*", ""])("has nothing for %s", (region) => {
    expect(rdsCertificateAuthority(region)).toBeUndefined();
  });
});
