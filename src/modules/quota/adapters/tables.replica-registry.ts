import { TablesPartition, type TablesConnection } from '../../../common/tables/adapters/azure-tables.js';
import type { ReplicaRegistry } from '../replica-count.js';

/** Entities of replicas that died are deleted when they are overdue by so much, milliseconds. */
const FORGET_AFTER_MS = 3_600_000;

/** Replicas that share an Azure table. */
export class TablesReplicaRegistry implements ReplicaRegistry {
  private readonly replicas: TablesPartition<{ readonly forMs: number }>;

  constructor(table: TablesConnection) {
    this.replicas = new TablesPartition(table, 'replica');
  }

  async heartbeat(replica: string, forMs: number): Promise<number> {
    await this.replicas.put(replica, { forMs });
    const all = await this.replicas.all();
    const now = Date.parse(all.find(({ rowKey }) => rowKey === replica)?.timestamp ?? '');
    const overdueMs = all.map((row) => now - Date.parse(row.timestamp) - row.forMs);
    for (const [i, { rowKey }] of all.entries()) if (overdueMs[i]! > FORGET_AFTER_MS) await this.deregister(rowKey);
    return overdueMs.filter((ms) => ms < 0).length;
  }

  deregister(replica: string): Promise<void> {
    return this.replicas.remove(replica);
  }
}
