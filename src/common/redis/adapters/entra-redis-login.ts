import type { TokenCredential } from '@azure/identity';
import { LoginRenewal } from './login-renewal.js';

/** Azure Managed Redis with Microsoft Entra: user name = object id of the identity, password = an access token. */
const SCOPE = 'https://redis.azure.com/.default';

export interface RedisLogin {
  readonly username: string;
  readonly password: string;
}

/** Times in milliseconds. */
export interface LoginPace {
  /** Share of what is left of a token's life after which the next one is fetched; the server cuts what outlives it. */
  readonly renewAt: number;
  /** Between a sign-in that failed or was refused and the next try. */
  readonly retryMs: number;
  /** At least so long between two tokens, whatever they say about their end. */
  readonly minWaitMs: number;
  /** What the token service may take: one that hangs must not end the renewals. */
  readonly tokenMs: number;
}

const PACE: LoginPace = { renewAt: 0.75, retryMs: 10_000, minWaitMs: 1_000, tokenMs: 10_000 };

/** Signs in to Redis with Entra, and again before the token ends. */
export class EntraRedisLogin {
  private endsAt = 0;
  private readonly pace: LoginPace;

  /** @param credential left out: DefaultAzureCredential (managed identity, workload identity, developer sign-in) */
  constructor(
    private credential: TokenCredential | null = null,
    pace: Partial<LoginPace> = {},
    private readonly now: () => number = Date.now,
  ) {
    this.pace = { ...PACE, ...pace };
  }

  /** @throws Error when there is no token to be had */
  async current(): Promise<RedisLogin> {
    this.credential ??= await defaultCredential();
    const token = await withinTime(this.credential, this.pace.tokenMs);
    if (!token) throw new Error('Entra gave no token for Redis');
    const login = { username: objectIdOf(token.token), password: token.token };
    this.endsAt = token.expiresOnTimestamp;
    return login;
  }

  /** Calls `apply` with every new token, before the old one ends. To be called after `current`. */
  renew(apply: (login: RedisLogin) => Promise<void>): LoginRenewal {
    const { renewAt, retryMs, minWaitMs } = this.pace;
    return new LoginRenewal({
      renew: async () => apply(await this.current()),
      untilNextMs: () => Math.max((this.endsAt - this.now()) * renewAt, minWaitMs),
      retryMs,
    });
  }
}

async function defaultCredential(): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new DefaultAzureCredential();
}

/** Not every credential heeds the signal. */
async function withinTime(credential: TokenCredential, ms: number) {
  const signal = AbortSignal.timeout(ms);
  const late = Promise.withResolvers<never>();
  const giveUp = () => late.reject(new Error(`no token within ${ms} ms`));
  signal.addEventListener('abort', giveUp);
  try {
    return await Promise.race([credential.getToken(SCOPE, { abortSignal: signal }), late.promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** Claim `oid` of an access token (learn.microsoft.com/azure/redis/entra-for-authentication). @throws Error */
function objectIdOf(token: string): string {
  const payload = token.split('.')[1];
  const claims: unknown = payload ? JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) : null;
  const oid = (claims as { oid?: unknown } | null)?.oid;
  if (typeof oid !== 'string') throw new Error('the Entra token has no object id');
  return oid;
}
