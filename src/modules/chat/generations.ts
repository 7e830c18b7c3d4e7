import { Injectable } from '@nestjs/common';
import { EventBus } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { AnsweredPrices } from '../../common/prices/answered-prices.js';
import type { CacheLookup } from '../cache/cache.messages.js';
import type { ChatFacts } from './chat-facts.js';
import { AnswerGeneratedEvent, type ChatAsk } from './chat.messages.js';
import { Generation, type GenerationKeeper } from './generation.js';
import type { Participant } from './participant.js';

/** Of answers that are being made, in all, for those who join late; characters. */
const MOST_HELD = 67_108_864;

/**
 * Lets its generation go when that is over: V8 copies a map now and then, and the table before, dead as it is, keeps what was in
 * it until the next full collection. Without this every second request outlived its end (docs/adr/0020).
 */
interface Running {
  generation: Generation | null;
}

/** The answers that are being made in this process and may be shared: one for each key of the cache. */
@Injectable()
export class Generations implements GenerationKeeper {
  private readonly running = new Map<string, Running>();
  /** Characters that are kept of answers that are being made, for those who join late. */
  private held = 0;

  constructor(
    private readonly config: LiveConfig,
    private readonly events: EventBus,
    readonly prices: AnsweredPrices,
  ) {}

  /** A part in the generation that is running for what is asked. @returns `null` where there is none to be had */
  join({ key, isShared }: CacheLookup, ask: ChatAsk): Participant | null {
    if (key === null || !isShared) return null;
    return this.running.get(key)?.generation?.join(ask) ?? null;
  }

  isRunning(key: string): boolean {
    return this.running.has(key);
  }

  /** A new one. @param isShared whether others may join it */
  begin(facts: ChatFacts, isShared: boolean): Generation {
    const { key } = facts.lookup;
    const generation = new Generation(facts, this, this.config.current, isShared);
    if (isShared && key !== null) this.running.set(key, { generation });
    return generation;
  }

  hold(characters: number): boolean {
    this.held += characters;
    return this.held <= MOST_HELD;
  }

  ends(generation: Generation): void {
    const { key } = generation.facts.lookup;
    const entry = key === null ? undefined : this.running.get(key);
    if (!entry || entry.generation !== generation) return;
    entry.generation = null;
    this.running.delete(key!);
  }

  /** Nobody joins these any more; those who are there stay. @param which by the request that leads */
  leaveAlone(which: (ask: ChatAsk) => boolean): void {
    for (const { generation } of [...this.running.values()]) {
      if (generation && which(generation.facts.ask)) this.ends(generation);
    }
  }

  over(generation: Generation): void {
    const { key } = generation.facts.lookup;
    if (key === null) return;
    this.ends(generation);
    this.events.publish(new AnswerGeneratedEvent(generation.generated(key)));
  }
}
