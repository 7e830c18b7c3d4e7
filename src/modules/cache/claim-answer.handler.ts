import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { LiveConfig } from '../../common/config/live-config.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import { ClaimAnswerCommand, type AnswerClaim, type ClaimResult } from './cache.messages.js';
import type { LeaseClaim } from './adapters/redis.generation-leases.js';
import { GenerationLeases } from './generation-leases.js';
import { ReplayableAnswer, stateOf, type KeptAnswer } from './kept-answer.js';
import { MemoryAnswers } from './memory-answers.js';
import { SharedAnswers } from './shared-answers.js';

const ALONE: ClaimResult = Object.freeze({ result: 'MISS', answer: null, lease: null });
const ELSEWHERE: ClaimResult = Object.freeze({ result: 'SHARED', answer: null, lease: null });
/** Generations of others that are waited for; when they bring nothing, everybody makes his own. */
const MOST_LEADERS = 2;
/** Who waits is told of the end; so often it looks all the same, as word can be lost, and while nothing is heard. Milliseconds. */
const LOOK_MS = 500;
const DEAF_LOOK_MS = 50;
/** Later than the end of a lease, milliseconds. */
const LEASE_SLACK_MS = 10;

/**
 * One generation for all replicas: the first one takes the lease, the others wait for its end, of which they are told. A lease
 * that is not renewed ends by itself.
 */
@CommandHandler(ClaimAnswerCommand)
export class ClaimAnswerHandler implements ICommandHandler<ClaimAnswerCommand>, OnApplicationBootstrap {
  private isListening = false;

  constructor(
    private readonly config: LiveConfig,
    private readonly memory: MemoryAnswers,
    private readonly shared: SharedAnswers,
    private readonly leases: GenerationLeases,
  ) {}

  onApplicationBootstrap(): void {
    if (this.shared.configured && this.config.current.cache.enabled) this.listen();
  }

  async execute({ claim }: ClaimAnswerCommand): Promise<ClaimResult> {
    const { key, patienceMs, signal } = claim;
    if (!this.shared.configured) return ALONE;
    this.listen();
    const patientUntil = performance.now() + patienceMs;
    const leaders = new Set<string>();
    for (;;) {
      signal.throwIfAborted();
      const end = new EndOfGeneration(this.leases, key, signal);
      try {
        const { result, lease } = await this.look(claim, leaders.size > 0);
        if (result) return result;
        const leftMs = patientUntil - performance.now();
        if (!lease || leaders.add(lease.owner).size > MOST_LEADERS || leftMs <= 0) return ALONE;
        const lookMs = this.leases.hears ? LOOK_MS : DEAF_LOOK_MS;
        await end.within(Math.min(leftMs, lookMs, lease.leftMs + LEASE_SLACK_MS));
      } finally {
        end.ignore();
      }
    }
  }

  /** A service that does not use the cache needs no second connection. */
  private listen(): void {
    if (this.isListening) return;
    this.isListening = true;
    this.shared.listen((name) => this.memory.drop(name));
    this.leases.listen();
  }

  /** @returns what came of it, or the lease of another to wait for; neither where Redis cannot be asked */
  private async look(
    { key, isShared, isRenewal }: AnswerClaim,
    hasWaited: boolean,
  ): Promise<{ readonly result: ClaimResult | null; readonly lease: LeaseClaim | null }> {
    const beganAt = performance.now();
    // the lease first: an entry is written before its lease ends, so who gets the lease sees the entry
    const claiming = isShared ? ifAvailable(() => this.leases.claim(key), null) : null;
    const [kept, lease] = await Promise.all([ifAvailable(() => this.shared.read(key), null), claiming]);
    const found = kept && this.found(key, kept, beganAt, isRenewal, hasWaited);
    if (found) {
      // one that is past its life is renewed next, which needs the lease
      if (found.result === 'STALE') await this.leases.release(lease);
      else this.leases.releaseSoon(lease);
      return { result: found, lease: null };
    }
    if (lease?.isOurs) return { result: { result: 'MISS', answer: null, lease: lease.owner }, lease: null };
    return { result: isRenewal && lease ? ELSEWHERE : null, lease };
  }

  /** @returns `null` when it must not be given: it was forgotten meanwhile, or is to be renewed */
  private found(
    key: string,
    kept: KeptAnswer,
    beganAt: number,
    isRenewal: boolean,
    hasWaited: boolean,
  ): ClaimResult | null {
    const now = Date.now();
    const state = stateOf(kept, now);
    if (state === null || (state === 'STALE' && isRenewal)) return null;
    if (!this.memory.take(key, kept, beganAt, this.shared.nameOf(key))) return null;
    const answer = new ReplayableAnswer(kept, now);
    return { result: state === 'HIT' && hasWaited ? 'SHARED' : state, answer, lease: null };
  }
}

/** Listens for the end of another replica's generation from the moment it is made, so that none is missed. */
class EndOfGeneration {
  private readonly heard = Promise.withResolvers<void>();
  private readonly hear = (): void => this.heard.resolve();
  private readonly unwatch: () => void;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    leases: GenerationLeases,
    key: string,
    private readonly signal: AbortSignal,
  ) {
    this.unwatch = leases.watch(key, this.hear);
    signal.addEventListener('abort', this.hear);
  }

  /** Resolves when it was heard of, when so many milliseconds have passed, or when nobody waits any more. */
  async within(ms: number): Promise<void> {
    this.timer = setTimeout(this.hear, ms);
    await this.heard.promise;
  }

  ignore(): void {
    clearTimeout(this.timer ?? undefined);
    this.signal.removeEventListener('abort', this.hear);
    this.unwatch();
  }
}
