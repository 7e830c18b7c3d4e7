import { Injectable } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import type { FastifyReply } from 'fastify';
import { AccountBook, userKey, type Accounts } from '../../common/accounts.js';
import type { Caller } from '../../common/caller.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { networkOf } from '../../common/network.js';
import { MemoryQuotaLedger } from './adapters/memory.quota-ledger.js';
import { MonthlySpend } from './monthly-spend.js';
import { QuotaLedger } from './quota-ledger.js';
import type { Unidentified } from './quota.messages.js';
import { Refusals } from './refusals.js';
import { WINDOW_MS } from './sliding-window.js';

type Counted = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/** Who makes a request, and where its `x-ratelimit-*` headers go. */
interface Visit {
  readonly caller: Caller;
  readonly reply: Pick<FastifyReply, 'headers'>;
}

const MS_PER_SECOND = 1000;
/** No name that a credential can bring. */
const NO_TENANT = ' ';
/** Networks that are counted by themselves in a minute; all further ones are counted as one. */
const MOST_NETWORKS = 10_000;
const FURTHER_NETWORKS = '*';
const MOST_PER_MINUTE: Readonly<Record<Unidentified, number>> = { failedSignIn: 30, page: 600 };

/**
 * The throttler's storage: counts requests in the ledger, with what the routes that call models reserve, and so over all
 * replicas. The library hands a storage a text alone, so `keyOf` remembers whose it is until it is counted, which happens in
 * the same turn.
 */
@Injectable()
export class ThrottleLedger implements ThrottlerStorage {
  private readonly book: () => AccountBook;
  private readonly visits = new Map<string, Visit>();
  /** Who reads pages needs no store for it. */
  private readonly pages = new MemoryQuotaLedger(new MonthlySpend());
  /** Of this minute. */
  private readonly networks = new Set<string>();
  /** `performance.now()` milliseconds. */
  private networksSince = -Infinity;

  constructor(
    private readonly ledger: QuotaLedger,
    private readonly refusals: Refusals,
    config: LiveConfig,
  ) {
    this.book = config.derived((next) => new AccountBook(next));
  }

  trackerOf(caller: Caller): string {
    return userKey(caller);
  }

  keyOf(tracker: string, visit: Visit): string {
    this.visits.set(tracker, visit);
    return tracker;
  }

  /**
   * Counts one request of the user and the tenant that the key stands for.
   *
   * @param ttl length of the window, milliseconds
   * @throws RateLimitExceeded with all `x-ratelimit-*` headers
   */
  async increment(key: string, ttl: number): Promise<Counted> {
    const { caller, reply } = this.visits.get(key)!;
    this.visits.delete(key);
    reply.headers(await this.count(caller));
    // nobody reads it: what does not fit has been refused, and the headers are ours
    return { totalHits: 0, timeToExpire: ttl / MS_PER_SECOND, isBlocked: false, timeToBlockExpire: 0 };
  }

  /** See `CountAddressCommand`. @throws RateLimitExceeded */
  async countAddress(address: string, what: Unidentified): Promise<void> {
    const owner = { tenant: NO_TENANT, user: this.networkOf(address), model: null };
    const limits = { requestsPerMinute: MOST_PER_MINUTE[what] };
    const accounts: Accounts = [{ owner, key: userKey(owner), limits }];
    try {
      await (what === 'page' ? this.pages : this.ledger).count(accounts);
    } catch (error) {
      this.refusals.note(error, 'address');
      throw error;
    }
  }

  private networkOf(address: string): string {
    const now = performance.now();
    if (now - this.networksSince > WINDOW_MS) {
      this.networks.clear();
      this.networksSince = now;
    }
    const network = networkOf(address);
    if (this.networks.has(network)) return network;
    if (this.networks.size >= MOST_NETWORKS) return FURTHER_NETWORKS;
    this.networks.add(network);
    return network;
  }

  /** @throws RateLimitExceeded */
  async count(caller: Caller): Promise<Readonly<Record<string, string>>> {
    try {
      return await this.ledger.count(this.book().of(caller, null));
    } catch (error) {
      this.refusals.note(error);
      throw error;
    }
  }
}
