import type { Counter } from 'prom-client';
import { BoundCounter } from './bound-series.js';

/** What is counted of targets alone, whatever name was asked for. */
export interface TargetCounters {
  readonly attempts: Counter;
  readonly decisions: Counter;
}

/** The series of one target, bound as they come up. */
export class TargetMeters {
  private readonly attempts = new Map<string, BoundCounter>();
  /** By strategy and reason. */
  private readonly decisions = new Map<string, Map<string, BoundCounter>>();

  /** @param target as it may be a label */
  constructor(
    private readonly counters: TargetCounters,
    readonly target: string,
  ) {}

  attempt(outcome: string): BoundCounter {
    return this.attempts.get(outcome) ?? this.firstAttempt(outcome);
  }

  decision(strategy: string, reason: string): BoundCounter {
    return this.decisions.get(strategy)?.get(reason) ?? this.firstDecision(strategy, reason);
  }

  private firstAttempt(outcome: string): BoundCounter {
    const bound = new BoundCounter(this.counters.attempts, { target: this.target, outcome });
    this.attempts.set(outcome, bound);
    return bound;
  }

  private firstDecision(strategy: string, reason: string): BoundCounter {
    const bound = new BoundCounter(this.counters.decisions, { strategy, target: this.target, reason });
    let reasons = this.decisions.get(strategy);
    if (!reasons) this.decisions.set(strategy, (reasons = new Map<string, BoundCounter>()));
    reasons.set(reason, bound);
    return bound;
  }
}
