import { Module } from '@nestjs/common';
import { FindAnswerHandler } from './find-answer.handler.js';
import { ForgetSessionHandler } from './forget-session.handler.js';
import { MemoryAnswerCache } from './memory-answer-cache.js';
import { StoreAnswerHandler } from './store-answer.handler.js';

/** Remembers answers: exact repetitions only, in the memory of this replica. */
@Module({
  providers: [
    FindAnswerHandler,
    StoreAnswerHandler,
    ForgetSessionHandler,
    { provide: MemoryAnswerCache, useFactory: () => new MemoryAnswerCache() },
  ],
})
export class CacheModule {}
