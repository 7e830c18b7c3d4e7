import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CountCachedAnswersQuery, type CacheCounts } from './cache.messages.js';
import { KeepAnswerHandler } from './keep-answer.handler.js';
import { MemoryAnswers } from './memory-answers.js';

@QueryHandler(CountCachedAnswersQuery)
export class CountCachedAnswersHandler implements IQueryHandler<CountCachedAnswersQuery> {
  constructor(
    private readonly memory: MemoryAnswers,
    private readonly kept: KeepAnswerHandler,
  ) {}

  async execute(): Promise<CacheCounts> {
    const { size: entries, bytes, evictions } = this.memory;
    return { entries, bytes, evictions, sharedGenerations: this.kept.sharedGenerations };
  }
}
