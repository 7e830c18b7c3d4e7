import type { RouterConfig } from '../../common/config/config.schema.js';
import type { RedisConnection } from '../../common/redis/redis-connection.js';
import type { SqliteFile } from '../../common/sqlite/adapters/sqlite-file.js';
import { tablesConnection } from '../../common/tables/adapters/tables-client.js';
import { MemoryQuotaLedger } from './adapters/memory.quota-ledger.js';
import { RedisQuotaLedger } from './adapters/redis.quota-ledger.js';
import { RedisReplicaBoard } from './adapters/redis.replica-board.js';
import { SqliteMonthlySpend } from './adapters/sqlite.monthly-spend.js';
import { TablesReplicaBoard } from './adapters/tables.replica-board.js';
import { MonthlySpend } from './monthly-spend.js';
import type { QuotaLedger } from './quota-ledger.js';
import { ReplicaRoll } from './replica-roll.js';
import { SharedQuotaLedger } from './shared-quota-ledger.js';

const REPLICAS_TABLE = 'replicas';

/**
 * The ledger that the configuration asks for: over all replicas with Redis, in this process without; there the embedded
 * database keeps what was spent.
 */
export class QuotaCounting {
  readonly ledger: QuotaLedger;
  private readonly shared: SharedQuotaLedger | null = null;
  private readonly roll: ReplicaRoll | null = null;
  private readonly table: TablesReplicaBoard | null = null;

  private readonly kept: SqliteMonthlySpend | null = null;

  constructor(config: RouterConfig, redis: RedisConnection, database: SqliteFile) {
    if (!redis.configured) {
      this.kept = new SqliteMonthlySpend(database);
      this.ledger = new MemoryQuotaLedger(undefined, this.kept);
      return;
    }
    const { endpoint, connectionString } = config.tables;
    const hasTables = endpoint !== '' || connectionString !== '';
    this.table = hasTables ? new TablesReplicaBoard(tablesConnection(config.tables, REPLICAS_TABLE)) : null;
    this.roll = new ReplicaRoll(new RedisReplicaBoard(redis), this.table, config.redis.expectedReplicas);
    const [known, unconfirmed] = [new MonthlySpend(), new MonthlySpend()];
    this.shared = new SharedQuotaLedger({
      shared: new RedisQuotaLedger(redis, known),
      own: new MemoryQuotaLedger(undefined, unconfirmed),
      ...{ known, unconfirmed, roll: this.roll },
      usable: () => redis.usable,
    });
    this.ledger = this.shared;
  }

  start(): void {
    this.roll?.start();
    this.shared?.start();
  }

  /** Every request has ended by now. */
  async close(): Promise<void> {
    await this.shared?.close();
    await this.roll?.close();
    this.table?.close();
    await this.kept?.close();
  }
}
