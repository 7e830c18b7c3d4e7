import type { Caller, CallerLimits } from '../../../common/caller.js';
import { hashTag, type RedisConnection, type RedisScript } from '../../../common/redis/redis-connection.js';
import { MonthlySpend } from '../monthly-spend.js';
import { QuotaLedger, requestsAlone, userKey, type QuotaUse, type RateLimitHeaders } from '../quota-ledger.js';
import type { QuotaNeed } from '../quota.messages.js';
import { headersFor, refuseOverLimit, type QuotaState, type WindowState } from '../quota-verdict.js';
import type { AloneBucket } from '../taken-alone.js';
import { HAND_OVER, RENEW, RESERVE, SETTLE } from './quota-scripts.js';

/** A lease nobody renews is let go after this: the replica that held it is dead. Milliseconds. */
export const LEASE_MS = 30_000;
const NANO_PER_USD = 1e9;
/** Longer than a month, so that the sum is there to its end. */
const SPEND_KEPT_MS = 40 * 86_400_000;
/** How long a repeated booking is known as such. */
const BOOKED_MS = 900_000;
const LEASES_A_CALL = 500;
const NO_LIMIT = -1;
const UNKNOWN = -1;
const NO_LEASE = '';

/** A lease of one user. */
export interface OpenLease {
  readonly id: string;
  readonly need: QuotaNeed;
  /** Milliseconds since it was taken. */
  readonly ageMs?: number;
  /** Redis cannot know it yet: it was taken without. */
  readonly isNew?: boolean;
}

/** What is told about the time: the server's own, or a test's. Milliseconds since 1970. */
export interface LedgerClock {
  /** Of this replica; names the month. */
  readonly here: () => number;
  /** `''` = Redis looks at its own clock. */
  readonly there: () => number | '';
}

const CLOCK: LedgerClock = { here: Date.now, there: () => '' };

/**
 * What each user uses over all replicas, in Redis. Every method rejects with `StoreUnavailable` while Redis cannot be
 * used. A month's spend that Redis has lost is put back by the replicas that knew it.
 */
export class RedisQuotaLedger extends QuotaLedger {
  /** @param known each month's spend as Redis last told it */
  constructor(
    private readonly redis: RedisConnection,
    private readonly known = new MonthlySpend(),
    private readonly clock = CLOCK,
  ) {
    super();
  }

  async reserve(caller: Caller, need: QuotaNeed, id: string): Promise<RateLimitHeaders> {
    const { limits } = caller;
    const now = this.clock.here();
    const tokens = Math.min(need.tokens, limits.tokensPerMinute ?? need.tokens);
    const args = [id, ...limitsOf(limits), tokens, nano(need.usd), this.knownNano(now, caller), LEASE_MS];
    const reply = (await this.run(RESERVE, keysOf(caller, now), args)) as (number | string)[];
    const [letIn, ...numbers] = reply.map(Number) as [number, ...number[]];
    const state = stateOf(numbers);
    this.known.raise(now, userKey(caller), state.spentUsd);
    if (letIn === 0) refuseOverLimit(now, limits, state);
    return headersFor(limits, state);
  }

  async count(caller: Caller): Promise<RateLimitHeaders> {
    const { limits } = requestsAlone(caller);
    const now = this.clock.here();
    const args = [NO_LEASE, ...limitsOf(limits), 0, 0, 0, LEASE_MS];
    const reply = (await this.run(RESERVE, keysOf(caller, now), args)) as (number | string)[];
    const [letIn, ...numbers] = reply.map(Number) as [number, ...number[]];
    const state = stateOf(numbers);
    if (letIn === 0) refuseOverLimit(now, limits, state);
    return headersFor(limits, state);
  }

  /** @param at when the money was spent, milliseconds since 1970; names the month it belongs to */
  async settle(caller: Caller, id: string, used: QuotaUse, at = this.clock.here()): Promise<void> {
    const tokens = used.tokens === null ? UNKNOWN : Math.max(0, used.tokens);
    const cost = caller.limits.usdPerMonth === undefined ? 0 : nano(used.usd ?? 0);
    const args = [id, tokens, cost, this.knownNano(at, caller), SPEND_KEPT_MS, BOOKED_MS];
    const spent = Number(await this.run(SETTLE, [...keysOf(caller, at), bookedKey(caller, id)], args));
    this.known.raise(at, userKey(caller), spent / NANO_PER_USD);
  }

  /** Keeps leases of one user for another 30 s; one that was settled meanwhile stays settled. */
  async renew(caller: Caller, leases: readonly OpenLease[]): Promise<void> {
    const keys = keysOf(caller, this.clock.here());
    for (let from = 0; from < leases.length; from += LEASES_A_CALL) {
      const each = leases.slice(from, from + LEASES_A_CALL).flatMap(({ id, need, ageMs = 0, isNew = false }) => {
        const tokens = Math.min(need.tokens, caller.limits.tokensPerMinute ?? need.tokens);
        return [id, tokens, nano(need.usd), Math.max(0, Math.round(ageMs)), isNew ? 1 : 0];
      });
      await this.run(RENEW, keys, [LEASE_MS, ...each]);
    }
  }

  /** Counts what this replica let in by itself. @param now milliseconds since 1970, of the clock of the buckets */
  async handOver(caller: Caller, buckets: readonly AloneBucket[], now: number): Promise<void> {
    const { requestsPerMinute, tokensPerMinute } = caller.limits;
    const each = buckets.flatMap(({ at, requests, tokens, doubtful = '' }) => [
      Math.max(0, Math.round(now - at)),
      requestsPerMinute === undefined ? 0 : requests,
      tokensPerMinute === undefined ? 0 : Math.max(0, Math.round(tokens)),
      doubtful,
    ]);
    await this.run(HAND_OVER, keysOf(caller, this.clock.here()), each);
  }

  private knownNano(now: number, caller: Caller): number {
    return nano(this.known.spent(now, userKey(caller)));
  }

  private run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.redis.run((client) => script.run(client, keys, [this.clock.there(), ...args]));
  }
}

/** Nonsense of a lying server costs nothing. */
const nano = (usd: number): number => (usd > 0 ? Math.round(usd * NANO_PER_USD) : 0);

const limitsOf = ({ requestsPerMinute, tokensPerMinute, concurrent, usdPerMonth }: CallerLimits): number[] => [
  requestsPerMinute ?? NO_LIMIT,
  tokensPerMinute ?? NO_LIMIT,
  concurrent ?? NO_LIMIT,
  usdPerMonth === undefined ? NO_LIMIT : nano(usdPerMonth),
];

const tagOf = ({ tenant, user }: Caller): string => `${hashTag(tenant, user)}:quota`;

function keysOf(caller: Caller, at: number): string[] {
  const tag = tagOf(caller);
  const month = new Date(at).toISOString().slice(0, 'yyyy-mm'.length);
  return [`${tag}:requests`, `${tag}:tokens`, `${tag}:leases`, `${tag}:leased`, `${tag}:usd:${month}`];
}

const bookedKey = (caller: Caller, id: string): string => `${tagOf(caller)}:booked:${id}`;

function stateOf(numbers: readonly number[]): QuotaState {
  const window = (at: number): WindowState => ({
    used: numbers[at] ?? 0,
    emptyInMs: numbers[at + 1] ?? 0,
    fitsInMs: numbers[at + 2] ?? 0,
  });
  const [inFlight = 0, spent = 0, reserved = 0] = numbers.slice(6);
  return {
    requests: window(0),
    tokens: window(3),
    inFlight,
    spentUsd: spent / NANO_PER_USD,
    reservedUsd: reserved / NANO_PER_USD,
  };
}
