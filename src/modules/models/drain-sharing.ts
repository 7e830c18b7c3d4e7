import { setTimeout as delay } from 'node:timers/promises';
import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import type { DrainBoard } from './drain-board.js';
import type { DrainedTargets } from './drained-targets.js';
import type { TargetCatalogue } from './target-catalogue.js';

const EVERY_MS = 1_000;
/** Boards behind the first one are looked at once in so many rounds, or when the first is away. */
const EVERY_ROUNDS = 15;
/** While the service starts: a drained target should get no call before the first look. */
const START_EVERY_MS = 50;
const START_ROUNDS = 40;

/**
 * Drained is drained on every replica, and stays so over reloads and restarts: a mark goes to every board there is, and
 * every replica looks at them each second, takes over what is later than what it knows, and posts what a board has lost.
 */
export class DrainSharing implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('models');
  private readonly background = new BackgroundWork('models');
  private readonly away = new Set<DrainBoard>();
  private round = 0;

  /** @param boards the fastest first */
  constructor(
    private readonly boards: readonly DrainBoard[],
    private readonly drains: DrainedTargets,
    private readonly catalogue: TargetCatalogue,
  ) {}

  /** What this machine itself remembers is known before the first request. */
  async onModuleInit(): Promise<void> {
    for (const board of this.boards) board.start();
    for (const board of this.boards) if (board.local) await this.exchange(board);
    const look = () => this.look();
    this.background.launch('looking at drained targets', async (signal) => {
      await look();
      for (let round = 0; round < START_ROUNDS && this.away.size > 0; round += 1) {
        await delay(START_EVERY_MS, undefined, { signal, ref: false });
        await look();
      }
    });
    this.background.repeat('looking at drained targets', EVERY_MS, look);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
    for (const board of this.boards) board.close();
  }

  /** Resolves when every board that can be reached has it; the others get it when they are back. */
  async set(id: string, drained: boolean): Promise<void> {
    const mark = this.drains.mark(id, drained, Date.now());
    this.tell(id, drained, '');
    const posts = await Promise.allSettled(this.boards.map((board) => board.post(id, mark)));
    if (posts.some(({ status }) => status === 'fulfilled')) return;
    this.logger.warn(
      `no store took that ${id} is ${drained ? 'drained' : 'enabled'}: it is known to this replica alone`,
    );
  }

  /** One look at the boards. */
  async look(): Promise<void> {
    this.round += 1;
    for (const [i, board] of this.boards.entries()) {
      const first = this.boards[0];
      const due = i === 0 || this.round % EVERY_ROUNDS === 1 || this.away.has(board) || (first && this.away.has(first));
      if (due) await this.exchange(board);
    }
  }

  private async exchange(board: DrainBoard): Promise<void> {
    try {
      const ids = this.catalogue.list().map(({ id }) => id);
      const posted = await board.read(ids);
      for (const [id, mark] of posted)
        if (this.drains.learn(id, mark)) this.tell(id, mark.drained, ' by another replica or before');
      for (const id of ids) {
        const known = this.drains.of(id);
        if (known && known.at > (posted.get(id)?.at ?? 0)) await board.post(id, known);
      }
      this.away.delete(board);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error; // its connection has told of the other
      this.away.add(board);
    }
  }

  private tell(id: string, drained: boolean, who: string): void {
    this.logger.warn(`target ${id} was ${drained ? 'drained' : 'enabled again'}${who}`);
  }
}
