import type { OnApplicationShutdown } from '@nestjs/common';
import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { BackgroundWork } from '../../common/background-work.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import { AnswerGeneratedEvent, type GeneratedAnswer } from '../chat/chat.messages.js';
import { GenerationLeases } from './generation-leases.js';
import { keptAnswer, type KeptAnswer } from './kept-answer.js';
import { MemoryAnswers } from './memory-answers.js';
import { SharedAnswers } from './shared-answers.js';

const RETRY_MS = 500;
const MOST_TRIES = 20;

/**
 * Keeps what may be given again: here before the event returns, in Redis behind the answer. The lease of the generation ends
 * when those who wait for it can find the answer, or when there is none.
 */
@EventsHandler(AnswerGeneratedEvent)
export class KeepAnswerHandler implements IEventHandler<AnswerGeneratedEvent>, OnApplicationShutdown {
  /** Generations that answered more than one request of this replica. */
  sharedGenerations = 0;
  private readonly background = new BackgroundWork('cache');

  constructor(
    private readonly config: LiveConfig,
    private readonly memory: MemoryAnswers,
    private readonly shared: SharedAnswers,
    private readonly leases: GenerationLeases,
  ) {}

  handle({ answer }: AnswerGeneratedEvent): void {
    if (answer.joined > 0) this.sharedGenerations += 1;
    const kept = this.keptHere(answer);
    if (kept && this.shared.configured) this.background.launch('sharing an answer', () => this.share(answer, kept));
    else this.leases.releaseSoon(leaseOf(answer));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
  }

  private keptHere(answer: GeneratedAnswer): KeptAnswer | null {
    const { cache, models } = this.config.current;
    const isOn = cache.enabled && models.find(({ name }) => name === answer.askedModel)?.cache !== false;
    const kept = isOn ? keptAnswer(answer, cache, Date.now(), Math.random()) : null;
    const { key, beganAt } = answer;
    const name = this.shared.configured ? this.shared.nameOf(key) : null;
    return kept && this.memory.set(key, kept, beganAt, name) ? kept : null;
  }

  private async share(answer: GeneratedAnswer, kept: KeptAnswer): Promise<void> {
    const { key, beganAt, replaces } = answer;
    try {
      await this.shared.write(key, kept);
    } finally {
      await this.leases.release(leaseOf(answer));
    }
    if (replaces) await this.shared.tellReplaced(key);
    await this.shared.enter(key, kept);
    // asked behind the write: who forgets it has either found it in Redis, or is seen here
    if (this.memory.isForgotten(kept, beganAt)) await this.remove(key, MOST_TRIES);
  }

  /** What was forgotten must not stay in a Redis that is slow just now. */
  private async remove(key: string, tries: number): Promise<void> {
    const gone = await ifAvailable(async () => {
      await this.shared.remove(key);
      return true;
    }, false);
    if (!gone && tries > 1) this.background.after('forgetting an answer', RETRY_MS, () => this.remove(key, tries - 1));
  }
}

const leaseOf = ({ lease }: GeneratedAnswer): { readonly owner: string } | null =>
  lease === null ? null : { owner: lease };
