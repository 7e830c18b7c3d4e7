import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { AnswerSharing } from './answer-sharing.js';
import { CacheController } from './cache.controller.js';
import { CacheSecret } from './cache-secret.js';
import { ClaimAnswerHandler } from './claim-answer.handler.js';
import { CountCachedAnswersHandler } from './count-cached-answers.handler.js';
import { FindAnswerHandler } from './find-answer.handler.js';
import { FindVectorsHandler } from './find-vectors.handler.js';
import { ForgetCachedAnswersHandler } from './forget-cached-answers.handler.js';
import { ForgetSessionHandler } from './forget-session.handler.js';
import { Forgetting } from './forgetting.js';
import { GenerationLeases } from './generation-leases.js';
import { KeepAnswerHandler } from './keep-answer.handler.js';
import { KeepVectorsHandler } from './keep-vectors.handler.js';
import { MemoryAnswers } from './memory-answers.js';
import { SharedAnswers } from './shared-answers.js';

/** Remembers answers: exact repetitions only, in the memory of each replica and, for all of them, in Redis. */
@Module({
  imports: [CqrsModule],
  controllers: [CacheController],
  providers: [
    {
      provide: MemoryAnswers,
      useFactory: (config: LiveConfig) => new MemoryAnswers(() => config.current.cache.maxBytes),
      inject: [LiveConfig],
    },
    ...[CacheSecret, SharedAnswers, AnswerSharing, GenerationLeases, Forgetting],
    ...[FindAnswerHandler, ClaimAnswerHandler, KeepAnswerHandler, FindVectorsHandler, KeepVectorsHandler],
    ...[ForgetSessionHandler, ForgetCachedAnswersHandler, CountCachedAnswersHandler],
  ],
})
export class CacheModule {}
