import { Query } from '@nestjs/cqrs';

/**
 * Requests for vectors that have begun and not ended, on this replica; for the gauges. How each of them ends is told by
 * `ChatCompletedEvent`, with `operation: embeddings`.
 */
export class CountRunningEmbeddingsQuery extends Query<number> {}
