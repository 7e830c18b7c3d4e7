import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import { Turn } from '../../common/turn.js';
import { AnswerSharing, type EntryToShare } from './answer-sharing.js';
import { KeepVectorsCommand, type VectorsToKeep } from './cache.messages.js';
import { keptVector } from './kept-vector.js';
import { MemoryAnswers } from './memory-answers.js';
import { SharedAnswers } from './shared-answers.js';

/** So many go to Redis at a time, so that requests are answered in between. */
const AT_A_TIME = 16;

@CommandHandler(KeepVectorsCommand)
export class KeepVectorsHandler implements ICommandHandler<KeepVectorsCommand> {
  constructor(
    private readonly config: LiveConfig,
    private readonly memory: MemoryAnswers,
    private readonly shared: SharedAnswers,
    private readonly sharing: AnswerSharing,
  ) {}

  async execute({ made }: KeepVectorsCommand): Promise<void> {
    const kept = await this.keptHere(made);
    if (kept.length > 0 && this.shared.configured) this.sharing.launch(() => this.shareAll(kept));
  }

  private async keptHere(made: VectorsToKeep): Promise<EntryToShare[]> {
    const { cache, models } = this.config.current;
    const { beganAt, replaces, askedModel } = made;
    if (!cache.enabled || models.find(({ name }) => name === askedModel)?.cache === false) return [];
    const entries: EntryToShare[] = [];
    const turn = new Turn();
    for (const [key, vector] of made.vectors) {
      const kept = keptVector(vector, made, cache, Date.now(), Math.random());
      const name = this.shared.configured ? this.shared.nameOf(key) : null;
      if (kept && this.memory.set(key, kept, beganAt, name)) entries.push({ key, kept, beganAt, replaces });
      if (turn.isOver) await turn.next();
    }
    return entries;
  }

  private async shareAll(entries: readonly EntryToShare[]): Promise<void> {
    for (let from = 0; from < entries.length; from += AT_A_TIME) {
      const some = entries.slice(from, from + AT_A_TIME);
      await Promise.all(some.map((entry) => ifAvailable(() => this.sharing.share(entry), undefined)));
    }
  }
}
