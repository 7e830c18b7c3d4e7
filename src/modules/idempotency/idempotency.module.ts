import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { MemoryIdempotencyStore } from './adapters/memory.idempotency-store.js';
import { RedisIdempotencyStore } from './adapters/redis.idempotency-store.js';
import { ForgetKeptAnswersHandler } from './forget-kept-answers.handler.js';
import { IdempotencyStore } from './idempotency-store.js';
import { IdempotentAnswers } from './idempotent-answers.js';

/** Wraps the routes that are marked `@Idempotent()`; they know nothing of it. */
@Module({
  imports: [CqrsModule],
  providers: [
    {
      provide: IdempotencyStore,
      useFactory: (redis: RedisConnection) =>
        redis.configured ? new RedisIdempotencyStore(redis) : new MemoryIdempotencyStore(),
      inject: [RedisConnection],
    },
    ForgetKeptAnswersHandler,
    IdempotentAnswers,
  ],
})
export class IdempotencyModule {}
