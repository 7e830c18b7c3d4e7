import { Logger } from '@nestjs/common';
import type { AccessToken, TokenCredential } from '@azure/identity';

/** Azure Managed Redis with Microsoft Entra: user name = object id of the identity, password = an access token. */
const SCOPE = 'https://redis.azure.com/.default';
/** Share of a token's life after which the next one is fetched; the server cuts connections whose token has ended. */
const RENEW_AT = 0.75;
const RETRY_MS = 10_000;
const MIN_WAIT_MS = 1_000;
const TIMER_MAX_MS = 2_147_483_647;

export interface RedisLogin {
  readonly username: string;
  readonly password: string;
}

/** Signs in to Redis with Entra, and again before the token ends. */
export class EntraRedisLogin {
  private readonly logger = new Logger('stores');
  private token: AccessToken | null = null;

  /** @param credential left out: DefaultAzureCredential (managed identity, workload identity, developer sign-in) */
  constructor(
    private credential: TokenCredential | null = null,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws Error when there is no token to be had */
  async current(): Promise<RedisLogin> {
    if (!this.credential) {
      const { DefaultAzureCredential } = await import('@azure/identity');
      this.credential = new DefaultAzureCredential();
    }
    this.token = await this.credential.getToken(SCOPE);
    if (!this.token) throw new Error('Entra gave no token for Redis');
    return { username: objectIdOf(this.token.token), password: this.token.token };
  }

  /** Calls `apply` with every new token, before the old one ends. @returns stops it */
  renew(apply: (login: RedisLogin) => Promise<void>): () => void {
    let timer: NodeJS.Timeout;
    const wait = (ms: number): void => {
      timer = setTimeout(() => void again(), Math.min(Math.max(ms, MIN_WAIT_MS), TIMER_MAX_MS)).unref();
    };
    const again = async (): Promise<void> => {
      try {
        await apply(await this.current());
        wait(this.untilRenewal());
      } catch (error) {
        this.logger.warn(`the sign-in to Redis could not be renewed: ${(error as Error).message.split('\n')[0]}`);
        wait(RETRY_MS);
      }
    };
    wait(this.untilRenewal());
    return () => clearTimeout(timer);
  }

  private untilRenewal(): number {
    return this.token ? (this.token.expiresOnTimestamp - this.now()) * RENEW_AT : RETRY_MS;
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
