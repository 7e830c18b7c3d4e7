import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';

/** How the address of the keys answers. */
export type KeysBehaviour = 'serves' | 'stalls' | 'cuts' | 'redirects' | 'fails' | 'talks' | 'floods';

export interface TokenShape {
  readonly claims?: JWTPayload;
  readonly header?: Record<string, unknown>;
  /** Claims that are left out. */
  readonly without?: readonly string[];
  /** Another key than that of the issuer. */
  readonly key?: CryptoKey | Uint8Array;
  /** Seconds from now until it ends. */
  readonly lifeSeconds?: number;
}

export const TENANT = '11111111-2222-3333-4444-555555555555';
export const OTHER_TENANT = '99999999-8888-7777-6666-555555555555';
export const AUDIENCE = 'api://router';

const FLOOD = Buffer.alloc(1024 * 1024, ' ');

/** A real issuer of tokens: an address with its public keys, on a socket of its own, and the keys to sign with. */
export class TokenIssuer {
  /** Requests for the keys. */
  fetches = 0;
  behaviour: KeysBehaviour = 'serves';
  private keys: { readonly jwk: JWK; readonly privateKey: CryptoKey; readonly alg: string }[] = [];
  private made = 0;
  private readonly held = new Set<ServerResponse>();

  private constructor(
    private readonly server: Server,
    private readonly port: number,
  ) {}

  static async start(alg = 'RS256'): Promise<TokenIssuer> {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const issuer = new TokenIssuer(server, (server.address() as AddressInfo).port);
    server.on('request', (request, response) => issuer.answer(request.url ?? '/', response));
    await issuer.rotate(alg);
    return issuer;
  }

  get jwksUri(): string {
    return `http://127.0.0.1:${this.port}/keys`;
  }

  /** As Entra writes its issuers, version 2. */
  get issuer(): string {
    return `https://login.microsoftonline.com/${TENANT}/v2.0`;
  }

  /** What a router that believes this issuer has in `auth.jwt`. */
  get config() {
    return { issuer: this.issuer, audience: AUDIENCE, jwksUri: this.jwksUri, userClaim: 'oid' };
  }

  get publicKey(): JWK {
    return this.keys.at(-1)!.jwk;
  }

  /** From now on tokens are signed with a new key. @param keep whether the keys before stay in the set */
  async rotate(alg = 'RS256', keep = false, extra: Record<string, unknown> = {}): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const kid = `key-${(this.made += 1)}`;
    const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig', ...extra };
    this.keys = [...(keep ? this.keys : []), { jwk, privateKey, alg }];
  }

  /** The set lists its newest key once more, with these changes. */
  repeat(extra: Record<string, unknown>): void {
    const { jwk, ...key } = this.keys.at(-1)!;
    this.keys.push({ ...key, jwk: { ...jwk, ...extra } });
  }

  /** A token of this issuer; valid unless something is changed. */
  async token({ claims = {}, header = {}, without = [], key, lifeSeconds = 3600 }: TokenShape = {}): Promise<string> {
    const { privateKey, jwk, alg } = this.keys.at(-1)!;
    const now = Math.floor(Date.now() / 1000);
    const all: JWTPayload = {
      ...{ iss: this.issuer, aud: AUDIENCE, tid: TENANT, oid: 'alice-oid', sub: 'alice-sub', scp: 'chat' },
      ...{ azp: 'a-program', ver: '2.0' },
      ...{ iat: now, nbf: now - 5, exp: now + lifeSeconds },
      ...claims,
    };
    for (const claim of without) delete all[claim];
    return new SignJWT(all).setProtectedHeader({ alg, kid: jwk.kid!, typ: 'JWT', ...header }).sign(key ?? privateKey);
  }

  /** Those that are held back are answered now, as `behaviour` says. */
  release(): void {
    for (const response of this.held) this.answer('/keys', response);
    this.held.clear();
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private answer(path: string, response: ServerResponse): void {
    if (!this.held.has(response)) this.fetches += 1;
    const keys = JSON.stringify({ keys: this.keys.map(({ jwk }) => jwk) });
    if (path === '/elsewhere') return void response.end(keys);
    switch (this.behaviour) {
      case 'serves':
        return void response.setHeader('content-type', 'application/json').end(keys);
      case 'stalls':
        return void this.held.add(response);
      case 'cuts':
        response.writeHead(200, { 'content-length': keys.length }).write(keys.slice(0, 20));
        return void setImmediate(() => response.destroy());
      case 'redirects':
        return void response.writeHead(302, { location: '/elsewhere' }).end();
      case 'fails':
        return void response.writeHead(500).end('{"keys":[]}');
      case 'talks':
        return void response.end('<html>sign in first</html>');
      case 'floods':
        response.writeHead(200, { 'content-type': 'application/json' });
        for (let i = 0; i < 8; i += 1) response.write(FLOOD);
        return void response.end(keys);
    }
  }
}

/** The headers of a caller with this token. */
export const bearing = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
