import type { Account, AccountOwner, Accounts } from '../../../common/accounts.js';
import type { CallerLimits } from '../../../common/caller.js';
import {
  escapedName,
  tenantTag,
  type RedisConnection,
  type RedisScript,
} from '../../../common/redis/redis-connection.js';
import { reachedBudget } from '../budget-thresholds.js';
import { monthName } from '../monthly-spend.js';
import type { Booking, RunningRequest, UncountedBatch } from '../quota-backlog.js';
import { countedTokens, type Taking } from '../quota-ledger.js';
import type { Counted, QuotaState } from '../quota-verdict.js';
import { BUDGET_THRESHOLDS, type ReachedBudget } from '../quota.messages.js';
import {
  HAND_OVER,
  RENEW,
  RESERVE,
  SETTLE,
  type AccountReply,
  type ReserveReply,
  type SettleReply,
} from './quota-scripts.js';

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

/** What Redis says of the money of an account once a cost is booked. */
export interface BookedMoney {
  readonly account: Account;
  /** In the month of the cost. */
  readonly spentUsd: number;
  /** Thresholds that it is the first to have reached. */
  readonly reached: readonly ReachedBudget[];
}

/** The calls of the scripts. Every one rejects with `StoreUnavailable` while Redis cannot be used. */
export class RedisQuotaCalls {
  constructor(
    private readonly redis: Pick<RedisConnection, 'run'>,
    private readonly clock: LedgerClock,
  ) {}

  /** @param knownUsd an account's spend of the month as this replica knows it: Redis may have lost it */
  async reserve(
    { accounts, need, id }: Taking,
    knownUsd: (account: Account) => number,
  ): Promise<{ letIn: boolean; all: Counted[] }> {
    const now = this.clock.here();
    const args: (string | number)[] = [id ?? NO_LEASE, nano(need.usd), LEASE_MS];
    for (const account of accounts) {
      const { limits } = account;
      const { requestsPerMinute = NO_LIMIT, tokensPerMinute = NO_LIMIT, concurrent = NO_LIMIT } = limits;
      const known = nano(knownUsd(account));
      args.push(requestsPerMinute, tokensPerMinute, concurrent, budgetOf(limits), countedTokens(need, limits), known);
    }
    const [letIn, ...states] = (await this.run(RESERVE, keysOf(accounts, now), args)) as ReserveReply;
    const all = accounts.map(({ owner, limits }, i) => ({ owner, limits, state: stateOf(states[i]!) }));
    return { letIn: letIn === 1, all };
  }

  /**
   * Ends a lease and books its cost, once.
   *
   * @param tokens that were used; `null` = as reserved
   */
  async settle(
    { id, accounts, usd, at }: Booking,
    tokens: number | null,
    knownUsd: (account: Account) => number,
  ): Promise<BookedMoney[]> {
    const used = tokens !== null && Number.isFinite(tokens) ? Math.max(0, Math.round(tokens)) : UNKNOWN;
    const args: (string | number)[] = [id, used, nano(usd), SPEND_KEPT_MS, BOOKED_MS];
    for (const account of accounts) {
      const { limits } = account;
      args.push(limits.tokensPerMinute === undefined ? 0 : 1, budgetOf(limits), nano(knownUsd(account)));
    }
    const keys = [...keysOf(accounts, at), bookedKey(accounts, id), ...toldKeysOf(accounts, at)];
    const replies = (await this.run(SETTLE, keys, args)) as SettleReply;
    return accounts.map((account, i) => {
      const [spentNano, ...first] = replies[i]!;
      const spentUsd = usdOf(spentNano);
      const thresholds = BUDGET_THRESHOLDS.filter((_, n) => first[n] === 1);
      const reached = thresholds.map((threshold) => reachedBudget(account, threshold, spentUsd, at));
      return { account, spentUsd, reached };
    });
  }

  /** Keeps the leases of requests of one account for another 30 s; one that was settled meanwhile stays settled. */
  async renew(account: Account, requests: readonly RunningRequest[]): Promise<void> {
    const now = this.clock.here();
    const keys = keysOf([account], now);
    for (let from = 0; from < requests.length; from += LEASES_A_CALL) {
      const each = requests.slice(from, from + LEASES_A_CALL).flatMap(({ id, need, since, parts }) => {
        const age = Math.max(0, Math.round(now - since));
        const isKnown = parts.some((part) => part.account.key === account.key && part.inRedis === 'yes');
        return [id, countedTokens(need, account.limits), nano(need.usd), age, isKnown ? 0 : 1];
      });
      await this.run(RENEW, keys, [LEASE_MS, ...each]);
    }
  }

  /** Counts what this replica let in by itself, once. @param id of the batch */
  async handOver(account: Account, { id, buckets }: UncountedBatch): Promise<void> {
    const { requestsPerMinute, tokensPerMinute } = account.limits;
    const now = this.clock.here();
    const each = buckets.flatMap(({ at, requests, tokens, doubtful }) => [
      Math.max(0, Math.round(now - at)),
      requestsPerMinute === undefined ? 0 : requests,
      tokensPerMinute === undefined ? 0 : Math.max(0, Math.round(tokens)),
      doubtful ?? NO_LEASE,
    ]);
    const mark = `${tagOf(account.owner)}:/handed:${id}`;
    await this.run(HAND_OVER, [...keysOf([account], now), mark], each);
  }

  private run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.redis.run((client) => script.run(client, keys, [this.clock.there(), ...args]));
  }
}

/** Nonsense of a lying server costs nothing. */
const nano = (usd: number): number => (usd > 0 ? Math.round(usd * NANO_PER_USD) : 0);

const budgetOf = ({ usdPerMonth }: CallerLimits): number => (usdPerMonth === undefined ? NO_LIMIT : nano(usdPerMonth));

const stateOf = (state: AccountReply): QuotaState => ({
  requests: { used: state[0], emptyInMs: state[1], fitsInMs: state[2] },
  tokens: { used: state[3], emptyInMs: state[4], fitsInMs: state[5] },
  inFlight: state[6],
  spentUsd: usdOf(state[7]),
  reservedUsd: usdOf(state[8]),
});

const usdOf = (nanoUsd: unknown): number => Number(nanoUsd) / NANO_PER_USD;

/** All accounts of one request are of one tenant, whose tag keeps them on one node of a cluster. */
const tagOf = ({ tenant }: AccountOwner): string => `${tenantTag(tenant)}:quota`;

function nameOf(owner: AccountOwner): string {
  const { user, model } = owner;
  if (user === null) return tagOf(owner);
  const ofUser = `${tagOf(owner)}:${escapedName(user)}`;
  return model === null ? ofUser : `${ofUser}:${escapedName(model)}`;
}

function keysOf(accounts: Accounts, at: number): string[] {
  const month = monthName(at);
  const keys: string[] = [];
  for (const { owner } of accounts) {
    const name = nameOf(owner);
    keys.push(`${name}:/window`, `${name}:/leases`, `${name}:/leased`, `${name}:/usd:${month}`);
  }
  return keys;
}

const toldKeysOf = (accounts: Accounts, at: number): string[] =>
  accounts.map(({ owner }) => `${nameOf(owner)}:/told:${monthName(at)}`);

const bookedKey = ([first]: Accounts, id: string): string => `${tagOf(first!.owner)}:/booked:${id}`;
