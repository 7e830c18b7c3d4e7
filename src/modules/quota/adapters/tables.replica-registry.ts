import { isMissing, type TablesConnection } from '../../../common/tables/adapters/tables-client.js';
import { ReplicaRegistry } from '../replica-count.js';

const PARTITION = 'replica';
/** Entities of replicas that died are deleted when they are overdue by so much, milliseconds. */
const FORGET_AFTER_MS = 3_600_000;

interface ReplicaEntity {
  readonly rowKey?: string;
  readonly forMs: number;
  /** Set by the service at each write: one clock for all replicas. */
  readonly timestamp?: string;
}

/** Replicas that share an Azure table; the connection is opened with the first call. */
export class TablesReplicaRegistry extends ReplicaRegistry {
  private started = false;

  constructor(private readonly tables: TablesConnection) {
    super();
  }

  async heartbeat(replica: string, forMs: number): Promise<number> {
    if (!this.started) this.tables.start();
    this.started = true;
    const entity = { partitionKey: PARTITION, rowKey: replica, forMs };
    await this.tables.run((client, abortSignal) => client.upsertEntity(entity, 'Replace', { abortSignal }));
    const all = await this.all();
    const now = writtenAt(all.find(({ rowKey }) => rowKey === replica));
    const ages = all.map((row) => ({ row, overdueMs: now - writtenAt(row) - row.forMs }));
    for (const { row, overdueMs } of ages) if (overdueMs > FORGET_AFTER_MS) await this.deregister(row.rowKey ?? '');
    return ages.filter(({ overdueMs }) => overdueMs < 0).length;
  }

  async deregister(replica: string): Promise<void> {
    try {
      await this.tables.run(
        (client, abortSignal) => client.deleteEntity(PARTITION, replica, { abortSignal }),
        isMissing,
      );
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  close(): void {
    this.tables.close();
  }

  private all(): Promise<ReplicaEntity[]> {
    return this.tables.run(async (client, abortSignal) => {
      const filter = `PartitionKey eq '${PARTITION}'`;
      const rows: ReplicaEntity[] = [];
      for await (const row of client.listEntities<ReplicaEntity>({ queryOptions: { filter }, abortSignal })) {
        rows.push(row);
      }
      return rows;
    });
  }
}

const writtenAt = (row: ReplicaEntity | undefined): number => Date.parse(row?.timestamp ?? '');
