import { Injectable } from '@nestjs/common';
import { InvalidRequest, Overloaded } from '../../../common/app-error.js';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import { RecordChatCompletedHandler } from '../record-chat-completed.handler.js';
import type { Dimension } from './usage-query.js';
import { MOST_LINES, UsageReport } from './usage-report.js';
import type { UsageRange } from './usage-store.js';
import { Usage } from './usage.js';

/** A report reads up to some hundred thousand rows and holds their sums. */
const MOST_AT_ONCE = 4;
const LONGEST_MS = 30_000;
const RETRY_AFTER_SECONDS = 5;

/** Usage as it stands in the store, with everything that this replica counted before the question. */
@Injectable()
export class ReadUsage {
  private underWay = 0;

  constructor(
    private readonly requests: RecordChatCompletedHandler,
    private readonly usage: Usage,
  ) {}

  /** @throws Overloaded while the store is away, InvalidRequest when there would be too many lines */
  async report(range: UsageRange, by: readonly Dimension[]): Promise<UsageReport> {
    if (this.underWay >= MOST_AT_ONCE) {
      throw new Overloaded('Other reports are being made. Ask again in a moment.', RETRY_AFTER_SECONDS);
    }
    this.underWay += 1;
    try {
      return await this.read(range, by);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      throw new Overloaded('The usage cannot be read now: its store does not answer.', RETRY_AFTER_SECONDS);
    } finally {
      this.underWay -= 1;
    }
  }

  /** What is not written yet is written first: added to what was read it could be counted twice. */
  private async read(range: UsageRange, by: readonly Dimension[]): Promise<UsageReport> {
    const end = performance.now() + LONGEST_MS;
    this.requests.catchUp();
    await this.usage.writer.flush();
    const report = new UsageReport(by);
    for await (const page of this.usage.store.pages(range)) {
      for (const row of page) if (!report.add(row)) throw tooMany();
      if (performance.now() > end) throw new StoreUnavailable('usage: the range takes too long to read');
    }
    return report;
  }
}

const tooMany = (): InvalidRequest =>
  new InvalidRequest(`by: more than ${MOST_LINES} lines; ask for fewer days, or by fewer of the names`, 'by');
