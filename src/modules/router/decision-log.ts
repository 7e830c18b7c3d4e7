import { appendFile, mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { BackgroundWork, type ScheduledWork } from '../../common/background-work.js';

const FILE = 'decisions.jsonl';
/** The file before the present one is kept, so the log takes at most twice this. */
const MOST_BYTES = 32 * 1024 * 1024;
const FLUSH_MS = 1_000;
/** Lines waiting for a disk that does not take them; older ones are dropped. */
const MOST_WAITING = 10_000;

/**
 * Decisions and what callers thought of the answers, one JSON object a line, in `decisions.jsonl` of the data folder:
 * numbers and names, never text of a conversation. `npm run whatif` replays them, `npm run train-router -- --feedback`
 * learns from them. Writing is in the background; a disk that fails costs log lines, never a request.
 */
@Injectable()
export class DecisionLog implements OnApplicationShutdown {
  private readonly logger = new Logger('decisions');
  private readonly folder = process.env['ROUTER_DATA_DIR'] || 'data';
  private waiting: string[] = [];
  private readonly background = new BackgroundWork('decisions');
  private next: ScheduledWork | null = null;
  private writing: Promise<void> = Promise.resolve();

  append(entry: object): void {
    if (this.waiting.length >= MOST_WAITING) this.waiting.shift();
    this.waiting.push(JSON.stringify(entry));
    this.next ??= this.background.after('writing decisions down', FLUSH_MS, () => this.flush());
  }

  /** Resolves when everything so far is in the file, or the disk has refused it. */
  flush(): Promise<void> {
    this.next?.stop();
    this.next = null;
    this.writing = this.writing.then(() => this.write());
    return this.writing;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.flush();
  }

  private async write(): Promise<void> {
    if (this.waiting.length === 0) return;
    const lines = this.waiting;
    this.waiting = [];
    const file = join(this.folder, FILE);
    try {
      await mkdir(this.folder, { recursive: true });
      const size = await stat(file).then(
        (found) => found.size,
        () => 0,
      );
      if (size > MOST_BYTES) await rename(file, join(this.folder, 'decisions.1.jsonl'));
      await appendFile(file, `${lines.join('\n')}\n`);
    } catch (error) {
      this.logger.warn({ err: error, lines: lines.length }, 'decisions could not be written');
    }
  }
}
