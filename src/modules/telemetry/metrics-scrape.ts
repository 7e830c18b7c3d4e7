import { Injectable } from '@nestjs/common';
import { RouterMetrics } from './metrics.js';
import { RecordChatCompletedHandler } from './record-chat-completed.handler.js';

/** What a scrape gets, on whichever port. */
@Injectable()
export class MetricsScrape {
  constructor(
    private readonly requests: RecordChatCompletedHandler,
    private readonly metrics: RouterMetrics,
  ) {}

  /** Everything that has ended is in it. */
  text(): Promise<string> {
    this.requests.catchUp();
    return this.metrics.text();
  }
}
