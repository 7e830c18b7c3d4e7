import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ManagedIdentityCredential, type AccessToken, type TokenCredential } from '@azure/identity';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import { azureTokenSource } from './azure-credential.js';

const MINUTE = 60_000;

/** Answers each request with the next token (living an hour from `now`) or the next error. */
class FakeCredential implements TokenCredential {
  now = 1_000_000_000;
  readonly scopes: unknown[] = [];
  constructor(private readonly answers: (string | Error | null)[]) {}

  async getToken(scopes: string | string[]): Promise<AccessToken | null> {
    this.scopes.push(scopes);
    const answer = this.answers.shift();
    if (answer instanceof Error) throw answer;
    if (!answer) return null;
    return { token: answer, expiresOnTimestamp: this.now + 60 * MINUTE };
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

function sourceOf(...answers: (string | Error | null)[]) {
  const credential = new FakeCredential(answers);
  return { credential, token: azureTokenSource(credential, () => credential.now) };
}

describe('azureTokenSource', () => {
  it('asks once for concurrent callers and keeps the token until 5 minutes before its end', async () => {
    const { credential, token } = sourceOf('one', 'two');
    expect(await Promise.all([token(), token(), token()])).toEqual(['one', 'one', 'one']);
    credential.now += 55 * MINUTE - 1;
    expect(await token()).toBe('one');
    expect(credential.scopes).toEqual(['https://cognitiveservices.azure.com/.default']);
  });

  it('refreshes behind the callers within the last 5 minutes', async () => {
    const { credential, token } = sourceOf('one', 'two');
    await token();
    credential.now += 55 * MINUTE;
    expect(await token()).toBe('one');
    await settled();
    expect(await token()).toBe('two');
    expect(credential.scopes).toHaveLength(2);
  });

  it('keeps a valid token when the refresh fails, and tries again after 30 s', async () => {
    const { credential, token } = sourceOf('one', new Error('Entra is away'), 'two');
    await token();
    credential.now += 56 * MINUTE;
    expect(await token()).toBe('one');
    await settled();
    expect(await token()).toBe('one');
    await settled();
    expect(credential.scopes).toHaveLength(2);
    credential.now += MINUTE / 2;
    expect(await token()).toBe('one');
    await settled();
    expect(await token()).toBe('two');
  });

  it('waits for a new token once the old one has ended, and fails when there is none', async () => {
    const { credential, token } = sourceOf('one', new Error('Entra is away\nwith details'), 'two');
    await token();
    credential.now += 60 * MINUTE;
    const failure = await token().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UpstreamFailure);
    expect(failure).toMatchObject({ outcome: 'auth', remedy: 'other_target' });
    expect((failure as Error).message).toBe('Entra sign-in for Azure OpenAI failed: Error: Entra is away');
    expect(await token()).toBe('two');
  });

  it('fails as auth when the credential gives no token', async () => {
    const message = expect.stringContaining('gave no token') as string;
    await expect(sourceOf(null).token()).rejects.toMatchObject({ outcome: 'auth', message });
  });

  it('does not wait for ever for a credential that hangs', async () => {
    const credential = { getToken: () => new Promise<never>(() => undefined) };
    await expect(azureTokenSource(credential, Date.now, 20)()).rejects.toMatchObject({ outcome: 'auth' });
  });
});

describe('azureTokenSource with the managed identity of App Service', () => {
  const saved = { ...process.env };
  afterEach(() => {
    process.env = { ...saved };
  });

  it('gets its token from IDENTITY_ENDPOINT', async () => {
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://127.0.0.1');
      seen.push([url.searchParams.get('resource'), request.headers['x-identity-header']]);
      const expires = Math.floor(Date.now() / 1000) + 3600;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ access_token: 'from-msi', expires_on: String(expires), token_type: 'Bearer' }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    process.env['IDENTITY_ENDPOINT'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}/msi/token`;
    process.env['IDENTITY_HEADER'] = 'secret';
    try {
      const token = azureTokenSource(new ManagedIdentityCredential());
      expect(await Promise.all([token(), token()])).toEqual(['from-msi', 'from-msi']);
      expect(seen).toEqual([['https://cognitiveservices.azure.com', 'secret']]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
