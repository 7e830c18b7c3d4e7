import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { SqliteFile } from '../../common/sqlite/adapters/sqlite-file.js';
import { AzureTables } from '../../common/tables/adapters/azure-tables.js';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import { RedisDrainStore } from './adapters/redis.drain-store.js';
import { SqliteDrainStore } from './adapters/sqlite.drain-store.js';
import { TablesDrainStore } from './adapters/tables.drain-store.js';
import { DrainedTargets, type DrainStore } from './drained-targets.js';
import { TargetCatalogue } from './target-catalogue.js';

const TABLE = 'drains';
const EVERY_MS = 1_000;
/** Stores behind the first one are looked at once in so many rounds, or when the first is away. */
const EVERY_ROUNDS = 15;
/** While the service starts: a drained target should get no call before the first look. */
const START_EVERY_MS = 50;
const START_ROUNDS = 40;

/**
 * Drained is drained on every replica, and stays so over reloads and restarts: a mark goes to every store there is, and
 * every replica looks at them each second, takes over what is later than what it knows, and posts what a store has lost.
 */
@Injectable()
export class DrainSharing implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('models');
  private readonly background = new BackgroundWork('models');
  private readonly away = new Set<DrainStore>();
  private round = 0;

  /** Every store that the configuration names: Redis is the fastest, a table or the embedded database the safest. */
  private readonly stores: readonly DrainStore[];

  constructor(
    redis: RedisConnection,
    tables: AzureTables,
    database: SqliteFile,
    private readonly drains: DrainedTargets,
    private readonly catalogue: TargetCatalogue,
  ) {
    this.stores = [
      ...(redis.configured ? [new RedisDrainStore(redis)] : []),
      tables.configured ? new TablesDrainStore(tables.table(TABLE)) : new SqliteDrainStore(database),
    ];
  }

  /** What this machine itself remembers is known before the first request. */
  async onModuleInit(): Promise<void> {
    for (const store of this.stores) if (store instanceof SqliteDrainStore) await this.exchange(store);
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
  }

  /** Resolves when every store that can be reached has it; the others get it when they are back. */
  async set(id: string, drained: boolean): Promise<void> {
    const mark = this.drains.mark(id, drained, Date.now());
    this.tell(id, drained, '');
    const posts = await Promise.allSettled(this.stores.map((store) => store.post(id, mark)));
    if (posts.some(({ status }) => status === 'fulfilled')) return;
    this.logger.warn(
      `no store took that ${id} is ${drained ? 'drained' : 'enabled'}: it is known to this replica alone`,
    );
  }

  /** One look at the stores. */
  async look(): Promise<void> {
    this.round += 1;
    for (const [i, store] of this.stores.entries()) {
      const first = this.stores[0];
      const due = i === 0 || this.round % EVERY_ROUNDS === 1 || this.away.has(store) || (first && this.away.has(first));
      if (due) await this.exchange(store);
    }
  }

  private async exchange(store: DrainStore): Promise<void> {
    try {
      const ids = this.catalogue.list().map(({ id }) => id);
      const posted = await store.read(ids);
      for (const [id, mark] of posted)
        if (this.drains.learn(id, mark)) this.tell(id, mark.drained, ' by another replica or before');
      for (const id of ids) {
        const known = this.drains.of(id);
        if (known && known.at > (posted.get(id)?.at ?? 0)) await store.post(id, known);
      }
      this.away.delete(store);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error; // its connection has told of the other
      this.away.add(store);
    }
  }

  private tell(id: string, drained: boolean, who: string): void {
    this.logger.warn(`target ${id} was ${drained ? 'drained' : 'enabled again'}${who}`);
  }
}
