import { Injectable, type OnModuleInit } from '@nestjs/common';
import { BoundedMap } from '../../common/bounded-map.js';
import { BackgroundWork } from '../../common/background-work.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { SqliteFile } from '../../common/sqlite/adapters/sqlite-file.js';
import { AzureTables, type TablesConnection } from '../../common/tables/adapters/azure-tables.js';
import { cosmosContainer, type CosmosContainer } from './adapters/cosmos-container.js';
import { CosmosTurnStore } from './adapters/cosmos.turn-store.js';
import { MemoryHotTail } from './adapters/memory.hot-tail.js';
import { MemoryTurnOutbox } from './adapters/memory.turn-outbox.js';
import { RedisErasureFeed } from './adapters/redis.erasure-feed.js';
import { RedisHotTail } from './adapters/redis.hot-tail.js';
import { RedisTurnOutbox } from './adapters/redis.turn-outbox.js';
import { sweepExpired } from './adapters/sqlite.expiry-sweep.js';
import { SqliteSessionIndex } from './adapters/sqlite.session-index.js';
import { SqliteTurnStore } from './adapters/sqlite.turn-store.js';
import { TablesSessionIndex } from './adapters/tables.session-index.js';
import type { HotTail } from './hot-tail.js';
import { IndexWriter } from './index-writer.js';
import { Outboxes } from './outboxes.js';
import type { SessionIndex } from './session-index.js';
import type { TurnStore } from './turn-store.js';

/** Sessions of which the gauge knows. */
const MAX_COUNTED = 100_000;
const SWEEP_MS = 3_600_000;
const SWEEPING = 'deleting sessions that have expired';

/**
 * The adapters that the configuration asks for: Cosmos DB, Table Storage and Redis where they are configured, the
 * embedded database and this process's memory where not.
 */
@Injectable()
export class SessionStores implements OnModuleInit {
  readonly turnStore: TurnStore;
  readonly index: SessionIndex;
  readonly hotTail: HotTail;
  readonly outboxes: Outboxes;
  readonly indexWriter: IndexWriter;
  /** When a session had its latest turn on this replica, epoch milliseconds by `sessionName`; the oldest first. */
  readonly latestTurns = new BoundedMap<string, number>(MAX_COUNTED);
  /** `null` without Redis: there is one replica then. */
  readonly erasures: RedisErasureFeed | null;
  /** `null` where it is not configured. */
  readonly cosmos: CosmosContainer | null;
  private readonly table: TablesConnection | null;
  private readonly background = new BackgroundWork('session');

  constructor(
    config: LiveConfig,
    redis: RedisConnection,
    tables: AzureTables,
    private readonly file: SqliteFile,
  ) {
    const { cosmos } = config.current;
    this.cosmos = cosmos.endpoint === '' ? null : cosmosContainer(cosmos);
    this.table = tables.configured ? tables.table('sessions', 'tables') : null;
    this.turnStore = this.cosmos ? new CosmosTurnStore(this.cosmos) : new SqliteTurnStore(file);
    this.index = this.table ? new TablesSessionIndex(this.table) : new SqliteSessionIndex(file);
    this.indexWriter = new IndexWriter(this.index, this.turnStore);
    const limits = () => {
      const { ttlSeconds, maxTurns } = config.current.sessions;
      return { ttlMs: ttlSeconds * 1000, maxTurns };
    };
    // Cosmos DB without Redis: other replicas write too and nothing tells this one, so every read asks the store again
    let reads = 0;
    const foreignWrites = this.cosmos ? () => (reads += 1) : () => file.foreignWrites();
    this.hotTail = redis.configured ? new RedisHotTail(redis, limits) : new MemoryHotTail(limits, foreignWrites);
    this.erasures = redis.configured ? new RedisErasureFeed(redis) : null;
    this.outboxes = new Outboxes(new MemoryTurnOutbox(), redis.configured ? new RedisTurnOutbox(redis) : null);
  }

  /** Opens files and connections in the background; a store that is away is logged, and the service goes on. */
  onModuleInit(): void {
    this.cosmos?.start();
    this.table?.start();
    const { index, file } = this;
    if (index instanceof TablesSessionIndex) this.background.repeat(SWEEPING, SWEEP_MS, () => index.sweep());
    if (this.cosmos && this.table) return;
    const sweep = (signal: AbortSignal): Promise<void> => sweepExpired(file, signal);
    this.background.launch(SWEEPING, sweep);
    this.background.repeat(SWEEPING, SWEEP_MS, sweep);
  }

  async close(): Promise<void> {
    await this.indexWriter.close();
    await this.background.stop();
    await this.hotTail.close?.();
    this.cosmos?.close();
  }
}
