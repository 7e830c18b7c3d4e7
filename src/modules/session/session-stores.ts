import { BackgroundWork } from '../../common/background-work.js';
import type { LiveConfig } from '../../common/config/live-config.js';
import type { RedisConnection } from '../../common/redis/redis-connection.js';
import { cosmosContainer } from './adapters/cosmos-container.js';
import { CosmosTurnStore } from './adapters/cosmos.turn-store.js';
import { MemoryHotTail } from './adapters/memory.hot-tail.js';
import { MemoryTurnOutbox } from './adapters/memory.turn-outbox.js';
import { RedisErasureFeed } from './adapters/redis.erasure-feed.js';
import { RedisHotTail } from './adapters/redis.hot-tail.js';
import { RedisTurnOutbox } from './adapters/redis.turn-outbox.js';
import { SqliteExpirySweep } from './adapters/sqlite.expiry-sweep.js';
import { SqliteSessionIndex } from './adapters/sqlite.session-index.js';
import { SqliteTurnStore } from './adapters/sqlite.turn-store.js';
import type { SqliteFile } from '../../common/sqlite/adapters/sqlite-file.js';
import { tablesConnection } from '../../common/tables/adapters/tables-client.js';
import { TablesSessionIndex } from './adapters/tables.session-index.js';
import { durableStores } from './durable-stores.js';
import type { HotTail } from './hot-tail.js';
import { Outboxes } from './outboxes.js';
import type { SessionIndex } from './session-index.js';
import type { TurnStore } from './turn-store.js';

const MAX_HOT_SESSIONS = 10_000;
const MAX_HOT_BYTES = 67_108_864;
const MAX_OUTBOX_TURNS = 10_000;
const MAX_OUTBOX_BYTES = 67_108_864;
const SWEEP_MS = 3_600_000;

/**
 * The adapters that the configuration asks for: Cosmos DB, Table Storage and Redis where they are configured, the
 * embedded database and this process's memory where not.
 */
export class SessionStores {
  readonly turnStore: TurnStore;
  readonly index: SessionIndex;
  readonly hotTail: HotTail;
  readonly outboxes: Outboxes;
  /** `null` without Redis: there is one replica then. */
  readonly erasures: RedisErasureFeed | null;
  /** Whether turns leave the machine, so that waiting for the store at the end is worth it. */
  readonly remote: boolean;
  private readonly starts: (() => void)[] = [];
  private readonly closes: (() => void | Promise<void>)[] = [];

  constructor(config: LiveConfig, redis: RedisConnection, database: SqliteFile) {
    const uses = durableStores(config.current);
    const file = uses.cosmos && uses.tables ? null : this.sweptFile(database);
    this.remote = uses.cosmos;
    this.turnStore = uses.cosmos ? this.openCosmos(config) : new SqliteTurnStore(file!);
    this.index = uses.tables ? this.openTables(config) : new SqliteSessionIndex(file!);
    this.hotTail = redis.configured ? this.sharedTail(config, redis) : ownTail(config, file, uses.cosmos);
    const memory = new MemoryTurnOutbox({ maxTurns: MAX_OUTBOX_TURNS, maxBytes: MAX_OUTBOX_BYTES });
    this.erasures = redis.configured ? new RedisErasureFeed(redis) : null;
    this.outboxes = new Outboxes(memory, redis.configured ? new RedisTurnOutbox(redis) : null);
  }

  /** Opens files and connections in the background; a store that is away is logged, and the service goes on. */
  start(): void {
    for (const start of this.starts) start();
  }

  async close(): Promise<void> {
    for (const close of this.closes) await close();
  }

  private sweptFile(file: SqliteFile): SqliteFile {
    const sweep = new SqliteExpirySweep(file);
    this.starts.push(() => sweep.start());
    this.closes.push(() => sweep.stop());
    return file;
  }

  private openCosmos(config: LiveConfig): TurnStore {
    const container = cosmosContainer(config.current.cosmos);
    this.starts.push(() => container.start());
    this.closes.push(() => container.close());
    return new CosmosTurnStore(container);
  }

  private openTables(config: LiveConfig): SessionIndex {
    const tables = tablesConnection(config.current.tables);
    const index = new TablesSessionIndex(tables);
    const background = new BackgroundWork('session');
    this.starts.push(() => {
      tables.start();
      background.repeat('deleting sessions that have expired', SWEEP_MS, () => index.sweep());
    });
    this.closes.push(
      () => background.stop(),
      () => tables.close(),
    );
    return index;
  }

  private sharedTail(config: LiveConfig, redis: RedisConnection): HotTail {
    const tail = new RedisHotTail(redis, () => tailLimits(config));
    this.closes.push(() => tail.close());
    return tail;
  }
}

const tailLimits = ({ current: { sessions } }: LiveConfig) => ({
  ttlMs: sessions.ttlSeconds * 1000,
  maxTurns: sessions.maxTurns,
});

/**
 * Cosmos DB without Redis: other replicas write too and nothing tells this one, so every read counts as overtaken and
 * asks the store again.
 */
function ownTail(config: LiveConfig, file: SqliteFile | null, cosmos: boolean): HotTail {
  let reads = 0;
  const foreignWrites = cosmos || !file ? () => (reads += 1) : () => file.foreignWrites();
  const limits = () => ({ ...tailLimits(config), maxSessions: MAX_HOT_SESSIONS, maxBytes: MAX_HOT_BYTES });
  return new MemoryHotTail(limits, foreignWrites);
}
