import { Injectable } from '@nestjs/common';
import { Exemplars } from './metrics/exemplars.js';
import { expositionOf, OPEN_METRICS, preferredForm, type MetricFamily } from './metrics/exposition.js';
import { MetricRegistry } from './metrics/metric-registry.js';
import { RecordChatCompletedHandler } from './record-chat-completed.handler.js';

/** What a scrape is answered with. */
export interface Scrape {
  readonly contentType: string;
  readonly text: string;
}

/** What a scrape gets, on whichever port. */
@Injectable()
export class MetricsScrape {
  constructor(
    private readonly requests: RecordChatCompletedHandler,
    private readonly metrics: MetricRegistry,
    private readonly exemplars: Exemplars,
  ) {}

  /**
   * Everything that has ended is in it.
   *
   * @param accept the header of the scraper: Prometheus' text form, unless it rather has OpenMetrics
   */
  async read(accept: string | undefined): Promise<Scrape> {
    const form = preferredForm(accept);
    if (form === OPEN_METRICS) this.exemplars.wanted();
    return { contentType: form.contentType, text: expositionOf(await this.families(), form) };
  }

  /** The same as data. */
  families(): Promise<readonly MetricFamily[]> {
    this.requests.catchUp();
    return this.metrics.families();
  }
}
