import { Command } from '@nestjs/cqrs';
import type { Caller } from '../../common/caller.js';

/** What was taken in advance for one request. */
export interface QuotaLease {
  /** `x-ratelimit-*` headers after this reservation; empty for callers without limits. */
  readonly headers: Readonly<Record<string, string>>;
  /** Opaque; handed back in `ChatCompletedEvent`. `null` for callers without limits. */
  readonly id: string | null;
}

/** The most that one request may use. */
export interface QuotaNeed {
  /** Prompt and longest expected answer. */
  readonly tokens: number;
  /** Of the dearest target that may answer; 0 where every price is 0 or unknown. */
  readonly usd: number;
}

/**
 * Takes one request, its tokens, one in-flight slot and its money in advance, atomically: all or nothing. With Redis the
 * limits hold over all replicas; while it is away every replica enforces its share of them. The lease is settled to
 * what was really used, and the slot freed, by `ChatCompletedEvent`.
 *
 * @throws RateLimitExceeded, BudgetExceeded with `Retry-After` and all `x-ratelimit-*` headers
 */
export class ReserveQuotaCommand extends Command<QuotaLease> {
  constructor(
    readonly caller: Caller,
    readonly need: QuotaNeed,
  ) {
    super();
  }
}
