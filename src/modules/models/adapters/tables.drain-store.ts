import { isMissing, type TablesConnection } from '../../../common/tables/adapters/tables-client.js';
import { DrainStore } from '../drain-store.js';
import type { DrainMark } from '../drained-targets.js';

const PARTITION = 'drain';
/** More targets than anybody configures. */
const MOST = 1_000;

interface DrainEntity {
  readonly target: string;
  readonly drained: boolean;
  /** Epoch milliseconds, as text: a whole number of this size would come back as another type. */
  readonly at: string;
}

/** Marks in an Azure table, one entity a target. */
export class TablesDrainStore extends DrainStore {
  constructor(private readonly tables: TablesConnection) {
    super();
  }

  override start(): void {
    this.tables.start();
  }

  override close(): void {
    this.tables.close();
  }

  /** Two that post at once may put the earlier mark last; whoever looks next finds it and posts the later one again. */
  async post(target: string, { drained, at }: DrainMark): Promise<void> {
    const rowKey = Buffer.from(target).toString('hex'); // `/ \ # ?` are not safe in keys
    const known = await this.one(rowKey);
    if (known && Number(known.at) >= at) return;
    const entity = { partitionKey: PARTITION, rowKey, target, drained, at: String(at) };
    await this.tables.run((client, abortSignal) => client.upsertEntity(entity, 'Replace', { abortSignal }));
  }

  read(): Promise<Map<string, DrainMark>> {
    return this.tables.run(async (client, abortSignal) => {
      const filter = `PartitionKey eq '${PARTITION}'`;
      const marks = new Map<string, DrainMark>();
      for await (const row of client.listEntities<DrainEntity>({ queryOptions: { filter }, abortSignal })) {
        marks.set(row.target, { drained: row.drained, at: Number(row.at) });
        if (marks.size === MOST) break;
      }
      return marks;
    });
  }

  private async one(rowKey: string): Promise<DrainEntity | null> {
    try {
      return await this.tables.run(
        (client, abortSignal) => client.getEntity<DrainEntity>(PARTITION, rowKey, { abortSignal }),
        isMissing,
      );
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }
}
