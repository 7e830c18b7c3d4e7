import type { TokenCredential } from '@azure/identity';
import { Logger } from '@nestjs/common';
import { BackgroundWork } from '../../background-work.js';
import { inTime } from '../../in-time.js';
import { firstLine } from '../../logging/outside-text.js';

/** Azure Managed Redis with Microsoft Entra: user name = object id of the identity, password = an access token. */
const SCOPE = 'https://redis.azure.com/.default';
const TIMER_MAX_MS = 2_147_483_647;

export interface RedisLogin {
  readonly username: string;
  readonly password: string;
}

/** Times in milliseconds. */
const PACE = {
  /** Share of what is left of a token's life after which the next one is fetched; the server cuts what outlives it. */
  renewAt: 0.75,
  /** Between a sign-in that failed or was refused and the next try. */
  retryMs: 10_000,
  /** At least so long between two tokens, whatever they say about their end. */
  minWaitMs: 1_000,
  /** What the token service may take: one that hangs must not end the renewals. */
  tokenMs: 10_000,
};

/** Signs in to Redis with Entra, and again before the token ends. */
export class EntraRedisLogin {
  private endsAt = 0;

  /** @param credential left out: DefaultAzureCredential (managed identity, workload identity, developer sign-in) */
  constructor(
    private credential: TokenCredential | null = null,
    private readonly pace = PACE,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws Error when there is no token to be had */
  async current(): Promise<RedisLogin> {
    this.credential ??= await defaultCredential();
    const { tokenMs } = this.pace;
    const asked = this.credential.getToken(SCOPE, { abortSignal: AbortSignal.timeout(tokenMs) });
    const token = await inTime(asked, tokenMs, null); // not every credential heeds the signal
    if (!token) throw new Error(`Entra gave no token for Redis within ${tokenMs} ms`);
    const login = { username: objectIdOf(token.token), password: token.token };
    this.endsAt = token.expiresOnTimestamp;
    return login;
  }

  /** Calls `apply` with every new token, before the old one ends. To be called after `current`. */
  renew(apply: (login: RedisLogin) => Promise<void>): LoginRenewal {
    return new LoginRenewal(this, apply);
  }

  /** From now until the token in use has to be replaced. */
  get renewInMs(): number {
    return Math.max((this.endsAt - this.now()) * this.pace.renewAt, this.pace.minWaitMs);
  }

  /** Between a failure and the next try. */
  get retryMs(): number {
    return this.pace.retryMs;
  }
}

/** Renews a login in time, again and again; a failure is told once and tried again, while the old login is used on. */
export class LoginRenewal {
  private readonly logger = new Logger('stores');
  private readonly background = new BackgroundWork('stores');
  private next: NodeJS.Timeout | undefined;
  /** `performance.now()` milliseconds; 0 while one is under way. */
  private dueAt = 0;
  private begunAt = performance.now();
  private failing = false;
  private stopped = false;

  /** @param apply signs in with a new login */
  constructor(
    private readonly login: EntraRedisLogin,
    private readonly apply: (login: RedisLogin) => Promise<void>,
  ) {
    this.wait(login.renewInMs);
  }

  /** The server refuses the login in use (it has ended early, or slept with this machine): the next one is due. */
  hurry(): void {
    const inMs = Math.max(0, this.begunAt + this.login.retryMs - performance.now());
    if (performance.now() + inMs < this.dueAt) this.wait(inMs);
  }

  stop(): void {
    this.stopped = true;
    this.background.cancel();
  }

  private wait(ms: number): void {
    if (this.next) this.background.clear(this.next);
    this.dueAt = performance.now() + ms;
    this.next = this.background.after('the renewal of the sign-in', Math.min(ms, TIMER_MAX_MS), () => this.again());
  }

  private async again(): Promise<void> {
    this.dueAt = 0;
    this.begunAt = performance.now();
    try {
      await this.apply(await this.login.current());
      this.tell(null);
      this.wait(this.login.renewInMs);
    } catch (error) {
      this.tell(error as Error);
      this.wait(this.login.retryMs);
    }
  }

  private tell(error: Error | null): void {
    if (this.stopped || this.failing === (error !== null)) return;
    this.failing = error !== null;
    if (!error) return this.logger.log('the sign-in to Redis is renewed again');
    const everyS = this.login.retryMs / 1_000;
    this.logger.warn(`the sign-in to Redis cannot be renewed (${firstLine(error)}); trying again every ${everyS} s`);
  }
}

async function defaultCredential(): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new DefaultAzureCredential();
}

/** Claim `oid` of an access token (learn.microsoft.com/azure/redis/entra-for-authentication). @throws Error */
function objectIdOf(token: string): string {
  const payload = token.split('.')[1];
  const claims: unknown = payload ? JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) : null;
  const oid = (claims as { oid?: unknown } | null)?.oid;
  if (typeof oid !== 'string') throw new Error('the Entra token has no object id');
  return oid;
}
