import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { FinishEmbeddings } from './embedding-exchange.js';
import { CountRunningEmbeddingsQuery } from './embeddings.messages.js';

@QueryHandler(CountRunningEmbeddingsQuery)
export class CountRunningEmbeddingsHandler implements IQueryHandler<CountRunningEmbeddingsQuery> {
  constructor(private readonly finish: FinishEmbeddings) {}

  async execute(): Promise<number> {
    return this.finish.running;
  }
}
