import { Command } from '@nestjs/cqrs';
import type { Caller } from '../../common/caller.js';

/** What was taken in advance for one request. */
export interface QuotaLease {
  /** `x-ratelimit-*` headers after this reservation; empty for callers without limits. */
  readonly headers: Readonly<Record<string, string>>;
  /** Opaque; handed back in `ChatCompletedEvent`. `null` for callers without limits. */
  readonly id: string | null;
}

/**
 * Takes one request, its estimated tokens and one in-flight slot in advance, atomically: all or nothing. The lease is
 * settled to what was really used, and the slot freed, by `ChatCompletedEvent`.
 *
 * @throws RateLimitExceeded with `Retry-After` and all `x-ratelimit-*` headers
 */
export class ReserveQuotaCommand extends Command<QuotaLease> {
  constructor(
    readonly caller: Caller,
    /** Prompt and longest possible answer, tokens. */
    readonly tokens: number,
  ) {
    super();
  }
}
