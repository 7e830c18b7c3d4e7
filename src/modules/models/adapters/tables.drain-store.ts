import { TablesPartition, type TablesConnection } from '../../../common/tables/adapters/azure-tables.js';
import type { DrainMark, DrainStore } from '../drained-targets.js';

interface DrainEntity {
  readonly target: string;
  readonly drained: boolean;
  /** Epoch milliseconds, as text: a whole number of this size would come back as another type. */
  readonly at: string;
}

/** Marks in an Azure table, one entity a target. */
export class TablesDrainStore implements DrainStore {
  private readonly drains: TablesPartition<DrainEntity>;

  constructor(table: TablesConnection) {
    this.drains = new TablesPartition(table, 'drain');
  }

  /** Two that post at once may put the earlier mark last; whoever looks next finds it and posts the later one again. */
  async post(target: string, { drained, at }: DrainMark): Promise<void> {
    const known = (await this.read()).get(target);
    if (known && known.at >= at) return;
    const rowKey = Buffer.from(target).toString('hex'); // `/ \ # ?` are not safe in keys
    await this.drains.put(rowKey, { target, drained, at: String(at) });
  }

  async read(): Promise<Map<string, DrainMark>> {
    const rows = await this.drains.all();
    return new Map(rows.map(({ target, drained, at }) => [target, { drained, at: Number(at) }]));
  }
}
