import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import type { KeptAnswer } from './kept-answer.js';
import { MemoryAnswers } from './memory-answers.js';
import { SharedAnswers } from './shared-answers.js';

const RETRY_MS = 500;
const MOST_TRIES = 20;

/** What is kept here and is to be in Redis, too. */
export interface EntryToShare {
  readonly key: string;
  readonly kept: KeptAnswer;
  /** When it began to be made, `performance.now()` milliseconds. */
  readonly beganAt: number;
  /** Whether other replicas may have an older one in memory. */
  readonly replaces: boolean;
}

/** Brings what this replica has made to the others, behind its answer. */
@Injectable()
export class AnswerSharing implements OnApplicationShutdown {
  private readonly background = new BackgroundWork('cache');

  constructor(
    private readonly memory: MemoryAnswers,
    private readonly shared: SharedAnswers,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
  }

  launch(work: () => Promise<void>): void {
    this.background.launch('sharing an answer', work);
  }

  /** @param written when others can read it, or never will: whoever waits for it need not wait for the rest */
  async share({ key, kept, beganAt, replaces }: EntryToShare, written?: () => Promise<void>): Promise<void> {
    try {
      await this.shared.write(key, kept);
    } finally {
      await written?.();
    }
    if (replaces) await this.shared.tellReplaced(key);
    await this.shared.enter(key, kept);
    // asked behind the write: who forgets it has either found it in Redis, or is seen here
    if (this.memory.isForgotten(kept, beganAt)) await this.remove(key, MOST_TRIES);
  }

  /** What was forgotten must not stay in a Redis that is slow just now. */
  private async remove(key: string, tries: number): Promise<void> {
    const gone = await ifAvailable(async () => {
      await this.shared.remove(key);
      return true;
    }, false);
    if (!gone && tries > 1) this.background.after('forgetting an answer', RETRY_MS, () => this.remove(key, tries - 1));
  }
}
