import { randomUUID } from 'node:crypto';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { AppError } from '../../common/app-error.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { BackgroundWork } from '../../common/background-work.js';
import { WholeAnswer } from '../../common/chunk-stream.js';
import { CallerGone } from '../../common/http/caller-signal.js';
import { ClaimAnswerCommand } from '../cache/cache.messages.js';
import type { QuotaLease } from '../quota/quota.messages.js';
import { ChatExchange } from './chat-exchange.js';
import { FinishChat } from './finish-chat.js';
import type { ChatFacts } from './chat-facts.js';
import type { ChatAsk } from './chat.messages.js';
import type { Generation } from './generation.js';
import { Generations } from './generations.js';

/** After a renewal that failed the next one waits so long: each is a request of somebody's. */
const PAUSE_MS = 5_000;
const MOST_FAILED = 10_000;

/** Makes answers. */
export interface AnswerMaker {
  /** @throws RateLimitExceeded, BudgetExceeded */
  reserve(ask: ChatAsk): Promise<QuotaLease>;
  /** Decides, calls, and tells the generation what came of it, which it looks for elsewhere first unless it has been. Never rejects. */
  make(generation: Generation, isClaimed: boolean): Promise<void>;
}

/**
 * Makes answers anew that are past their life (`cache.staleSeconds`), in the name of the request that was given the old one: a
 * request of its own, counted and paid like any. One at a time for each key, over all replicas; where its caller's limits do
 * not allow it, the next one tries.
 */
@Injectable()
export class AnswerRenewals implements OnApplicationShutdown {
  private readonly background = new BackgroundWork('chat');
  /** Until when it is not tried again, `performance.now()` milliseconds by key. */
  private readonly failed = new BoundedMap<string, number>(MOST_FAILED);

  constructor(
    private readonly commands: CommandBus,
    private readonly generations: Generations,
    private readonly finish: FinishChat,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
  }

  renew(stale: ChatFacts, maker: AnswerMaker): void {
    const { key } = stale.lookup;
    if (key === null || this.generations.isRunning(key) || (this.failed.get(key) ?? -Infinity) > performance.now())
      return;
    const gone = new AbortController();
    const startedAt = performance.now();
    const trace = stale.ask.trace?.child() ?? null;
    const own = { requestId: randomUUID(), isRenewal: true, keepsTurn: false, startedAt, trace, signal: gone.signal };
    const ask: ChatAsk = { ...stale.ask, ...own };
    const lookup = { ...stale.lookup, result: 'MISS', answer: null, isShared: true } as const;
    const generation = this.generations.begin({ ...stale, ask, lookup, owed: null }, true);
    this.background.launch('renewing a kept answer', async (ending) => {
      const leave = (): void => gone.abort(new CallerGone());
      ending.addEventListener('abort', leave, { once: true });
      try {
        await this.renewed(generation, key, maker);
      } catch (error) {
        generation.fail(error);
        this.failed.set(key, performance.now() + PAUSE_MS);
        if (!(error instanceof AppError || error instanceof CallerGone)) throw error;
      } finally {
        ending.removeEventListener('abort', leave);
      }
    });
  }

  /** @throws why it is not to be, or what the answer broke off with */
  private async renewed(generation: Generation, key: string, maker: AnswerMaker): Promise<void> {
    const { facts, signal } = generation;
    const claim = { key, isShared: true, isRenewal: true, patienceMs: 0, signal };
    const { result, answer, lease } = await this.commands.execute(new ClaimAnswerCommand(claim));
    generation.lease = lease;
    if (answer) return generation.find(result, answer);
    if (result !== 'MISS') return generation.fail(new CallerGone()); // another replica is at it
    const counted = { ...facts, lease: await maker.reserve(facts.ask) };
    const [, exchange] = await Promise.all([maker.make(generation, true), this.begun(generation, counted)]);
    const whole = new WholeAnswer();
    exchange.relay(whole);
    await whole.chunks;
  }

  private async begun({ leader }: Generation, facts: ChatFacts): Promise<ChatExchange> {
    try {
      await leader.begun(Infinity);
      return new ChatExchange(facts, leader, this.finish);
    } catch (error) {
      this.finish.failed(facts, error, leader);
      throw error;
    }
  }
}
