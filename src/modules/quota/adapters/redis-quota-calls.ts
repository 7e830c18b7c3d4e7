import type { Caller, CallerLimits } from '../../../common/caller.js';
import { hashTag, type RedisConnection, type RedisScript } from '../../../common/redis/redis-connection.js';
import { monthName } from '../monthly-spend.js';
import type { Booking, RunningRequest, UncountedBucket } from '../quota-backlog.js';
import { countedTokens, type Taking } from '../quota-ledger.js';
import type { QuotaState } from '../quota-verdict.js';
import { HAND_OVER, RENEW, RESERVE, SETTLE, type ReserveReply } from './quota-scripts.js';

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

/** What is told about the time: the server's own, or a test's. Milliseconds since 1970. */
export interface LedgerClock {
  /** Of this replica; names the month. */
  readonly here: () => number;
  /** `''` = Redis looks at its own clock. */
  readonly there: () => number | '';
}

/** The calls of the scripts. Every one rejects with `StoreUnavailable` while Redis cannot be used. */
export class RedisQuotaCalls {
  constructor(
    private readonly redis: Pick<RedisConnection, 'run'>,
    private readonly clock: LedgerClock,
  ) {}

  /** @param knownUsd the month's spend as this replica knows it: Redis may have lost it */
  async reserve(
    { caller, limits, need, id }: Taking,
    knownUsd: number,
  ): Promise<{ letIn: boolean; state: QuotaState }> {
    const asked = [countedTokens(need, limits), nano(need.usd), nano(knownUsd), LEASE_MS];
    const keys = keysOf(caller, this.clock.here());
    const reply = await this.run(RESERVE, keys, [id ?? NO_LEASE, ...limitsOf(limits), ...asked]);
    return stateOf(reply as ReserveReply);
  }

  /**
   * Ends a lease and books its cost, once.
   *
   * @param tokens that were used; `null` = as reserved
   * @returns USD spent in the month of the cost
   */
  async settle({ id, caller, usd, at }: Booking, tokens: number | null, knownUsd: number): Promise<number> {
    const used = tokens !== null && Number.isFinite(tokens) ? Math.max(0, Math.round(tokens)) : UNKNOWN;
    const args = [id, used, nano(usd), nano(knownUsd), SPEND_KEPT_MS, BOOKED_MS];
    return usdOf(await this.run(SETTLE, [...keysOf(caller, at), `${tagOf(caller)}:booked:${id}`], args));
  }

  /** Keeps the leases of one user's requests for another 30 s; one that was settled meanwhile stays settled. */
  async renew(caller: Caller, requests: readonly RunningRequest[]): Promise<void> {
    const now = this.clock.here();
    const keys = keysOf(caller, now);
    for (let from = 0; from < requests.length; from += LEASES_A_CALL) {
      const each = requests.slice(from, from + LEASES_A_CALL).flatMap(({ id, need, since, inRedis }) => {
        const age = Math.max(0, Math.round(now - since));
        return [id, countedTokens(need, caller.limits), nano(need.usd), age, inRedis === 'yes' ? 0 : 1];
      });
      await this.run(RENEW, keys, [LEASE_MS, ...each]);
    }
  }

  /** Counts what this replica let in by itself. */
  async handOver(caller: Caller, buckets: readonly UncountedBucket[]): Promise<void> {
    const { requestsPerMinute, tokensPerMinute } = caller.limits;
    const now = this.clock.here();
    const each = buckets.flatMap(({ at, requests, tokens, doubtful }) => [
      Math.max(0, Math.round(now - at)),
      requestsPerMinute === undefined ? 0 : requests,
      tokensPerMinute === undefined ? 0 : Math.max(0, Math.round(tokens)),
      doubtful ?? NO_LEASE,
    ]);
    await this.run(HAND_OVER, keysOf(caller, now), each);
  }

  private run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.redis.run((client) => script.run(client, keys, [this.clock.there(), ...args]));
  }
}

/** Nonsense of a lying server costs nothing. */
const nano = (usd: number): number => (usd > 0 ? Math.round(usd * NANO_PER_USD) : 0);

const stateOf = ([letIn, ...state]: ReserveReply): { letIn: boolean; state: QuotaState } => ({
  letIn: letIn === 1,
  state: {
    requests: { used: state[0], emptyInMs: state[1], fitsInMs: state[2] },
    tokens: { used: state[3], emptyInMs: state[4], fitsInMs: state[5] },
    inFlight: state[6],
    spentUsd: usdOf(state[7]),
    reservedUsd: usdOf(state[8]),
  },
});

const usdOf = (nanoUsd: unknown): number => Number(nanoUsd) / NANO_PER_USD;

const limitsOf = ({ requestsPerMinute, tokensPerMinute, concurrent, usdPerMonth }: CallerLimits): number[] => [
  requestsPerMinute ?? NO_LIMIT,
  tokensPerMinute ?? NO_LIMIT,
  concurrent ?? NO_LIMIT,
  usdPerMonth === undefined ? NO_LIMIT : nano(usdPerMonth),
];

const tagOf = ({ tenant, user }: Caller): string => `${hashTag(tenant, user)}:quota`;

function keysOf(caller: Caller, at: number): string[] {
  const tag = tagOf(caller);
  return [`${tag}:window`, `${tag}:leases`, `${tag}:leased`, `${tag}:usd:${monthName(at)}`];
}
