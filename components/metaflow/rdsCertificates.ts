import * as fs from "node:fs";
import * as path from "node:path";

/**
 * PEM of the authorities that sign the certificates of a region's RDS databases; undefined for a region that the project does not know.
 *
 * They are committed, so that what a platform trusts is reviewed and the same in every pod: a bundle that is fetched when a pod starts
 * would be trusted unseen, and missing where there is no way out of the VPC.
 */
export function rdsCertificateAuthority(region: string): string | undefined {
  const bundle = fs.readFileSync(path.join(__dirname, "rdsCertificates.pem"), "utf8");
  const named = bundle.matchAll(
    /^# Amazon RDS (\S+) Root CA .*\n(-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n)/gm,
  );
  const certificates = [...named].filter(([, its]) => its === region).map(([, , certificate]) => certificate);
  return certificates.length === 0 ? undefined : certificates.join("");
}
