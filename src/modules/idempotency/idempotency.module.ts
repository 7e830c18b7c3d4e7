import { Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import type { FastifyInstance } from 'fastify';
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
export class IdempotencyModule implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly answers: IdempotentAnswers,
  ) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    fastify.decorate('answerOnce', this.answers.answer).decorateReply('answerKeeper', null);
  }
}
