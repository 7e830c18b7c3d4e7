import { Injectable } from '@nestjs/common';
import type { AccountOwner } from '../../common/accounts.js';
import type { RefusalCount, RefusedLimit, RefusedScope } from './quota.messages.js';

/** Which limit refused a request, and whose it is. */
export interface Refusal {
  readonly owner: AccountOwner;
  readonly limit: RefusedLimit;
}

const reasons = new WeakMap<Error, Refusal>();

/** Beside an error why it is thrown; no caller is told more than its words say. */
export function because<E extends Error>(error: E, refusal: Refusal): E {
  reasons.set(error, refusal);
  return error;
}

const scopeOf = ({ user, model }: AccountOwner): RefusedScope =>
  user === null ? 'tenant' : model === null ? 'user' : 'model';

/** How many requests each kind of limit has refused, since the process began. */
@Injectable()
export class Refusals {
  private readonly counts = new Map<RefusedScope, Map<RefusedLimit, number>>();

  /** @param scope left out: of the limit's owner */
  note(error: unknown, scope?: RefusedScope): void {
    const refusal = reasons.get(error as Error);
    if (!refusal) return; // failed for another reason
    const { owner, limit } = refusal;
    const of = scope ?? scopeOf(owner);
    const limits = this.counts.get(of) ?? new Map<RefusedLimit, number>();
    limits.set(limit, (limits.get(limit) ?? 0) + 1);
    this.counts.set(of, limits);
  }

  get all(): readonly RefusalCount[] {
    return [...this.counts].flatMap(([scope, limits]) =>
      [...limits].map(([limit, count]) => ({ scope, limit, count })),
    );
  }
}
