import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { generate, type CertificateExtension, type SelfsignedOptions } from 'selfsigned';

const DAY_MS = 86_400_000;

/** PEM files of a server on the loopback. */
export interface ServerCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

/** An authority that nobody trusts by default, as those of private networks; made anew for every test run. */
export class CertificateAuthority {
  private issued = 0;

  private constructor(
    /** PEM; also in `file`. */
    readonly certificate: string,
    private readonly key: string,
    private readonly directory: string,
  ) {
    writeFileSync(this.file, certificate);
  }

  static async create(): Promise<CertificateAuthority> {
    const { cert, private: key } = await pairOf('Test CA', [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ]);
    return new CertificateAuthority(cert, key, mkdtempSync(join(tmpdir(), 'router-ca-')));
  }

  get file(): string {
    return join(this.directory, 'ca.pem');
  }

  /** @param names what clients call the server; addresses too. Good as a client's own, as a cluster's nodes need it. */
  async issue(names: readonly string[] = ['127.0.0.1'], from = new Date()): Promise<ServerCertificate> {
    const altNames = names.map((name) =>
      /^[\d.:]+$/.test(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name },
    );
    const { cert, private: key } = await pairOf(
      names[0]!,
      [
        { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
        { name: 'subjectAltName', altNames },
      ],
      { ca: { key: this.key, cert: this.certificate }, notBeforeDate: from },
    );
    const path = join(this.directory, `server-${(this.issued += 1)}`);
    writeFileSync(`${path}.crt`, cert);
    writeFileSync(`${path}.key`, key, { mode: 0o600 });
    return { certFile: `${path}.crt`, keyFile: `${path}.key`, caFile: this.file };
  }

  /** What NODE_EXTRA_CA_CERTS does for a process, for this one. @returns undoes it */
  trust(): () => void {
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, this.certificate]);
    return () => setDefaultCACertificates(before);
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Valid for two days, from an hour ago: the clocks of a test machine and its containers may differ. */
function pairOf(name: string, extensions: CertificateExtension[], options: SelfsignedOptions = {}) {
  const from = (options.notBeforeDate ?? new Date()).getTime();
  return generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions,
    ...options,
    notBeforeDate: new Date(from - DAY_MS / 24),
    notAfterDate: new Date(from + 2 * DAY_MS),
  });
}
