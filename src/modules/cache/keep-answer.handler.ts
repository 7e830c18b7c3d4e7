import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { AnswerGeneratedEvent, type GeneratedAnswer } from '../chat/chat.messages.js';
import { AnswerSharing } from './answer-sharing.js';
import { GenerationLeases } from './generation-leases.js';
import { keptAnswer, type KeptAnswer } from './kept-answer.js';
import { MemoryAnswers } from './memory-answers.js';
import { SharedAnswers } from './shared-answers.js';

/**
 * Keeps what may be given again: here before the event returns, in Redis behind the answer. The lease of the generation ends
 * when those who wait for it can find the answer, or when there is none.
 */
@EventsHandler(AnswerGeneratedEvent)
export class KeepAnswerHandler implements IEventHandler<AnswerGeneratedEvent> {
  /** Generations that answered more than one request of this replica. */
  sharedGenerations = 0;

  constructor(
    private readonly config: LiveConfig,
    private readonly memory: MemoryAnswers,
    private readonly shared: SharedAnswers,
    private readonly sharing: AnswerSharing,
    private readonly leases: GenerationLeases,
  ) {}

  handle({ answer }: AnswerGeneratedEvent): void {
    if (answer.joined > 0) this.sharedGenerations += 1;
    const kept = this.keptHere(answer);
    if (!kept || !this.shared.configured) return this.leases.releaseSoon(leaseOf(answer));
    this.sharing.launch(() => this.sharing.share({ ...answer, kept }, () => this.leases.release(leaseOf(answer))));
  }

  private keptHere(answer: GeneratedAnswer): KeptAnswer | null {
    const { cache, models } = this.config.current;
    const isOn = cache.enabled && models.find(({ name }) => name === answer.askedModel)?.cache !== false;
    const kept = isOn ? keptAnswer(answer, cache, Date.now(), Math.random()) : null;
    const { key, beganAt } = answer;
    const name = this.shared.configured ? this.shared.nameOf(key) : null;
    return kept && this.memory.set(key, kept, beganAt, name) ? kept : null;
  }
}

const leaseOf = ({ lease }: GeneratedAnswer): { readonly owner: string } | null =>
  lease === null ? null : { owner: lease };
