import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { AnswerEmbeddings } from './answer-embeddings.js';
import { CountRunningEmbeddingsHandler } from './count-running-embeddings.handler.js';
import { FinishEmbeddings } from './embedding-exchange.js';
import { EmbeddingsController } from './embeddings.controller.js';

/** Vectors of texts: `POST /v1/embeddings`. */
@Module({
  imports: [CqrsModule],
  controllers: [EmbeddingsController],
  providers: [AnswerEmbeddings, FinishEmbeddings, CountRunningEmbeddingsHandler],
})
export class EmbeddingsModule {}
