import { randomUUID } from 'node:crypto';
import type { RedisConnection } from '../../../common/redis/redis-connection.js';
import type { SessionKey } from '../../../common/session-id.js';
import { CLOCK_SLACK_MS } from '../erasure.js';
import { ERASURE_MARK_MS } from '../turn-store.js';

const STREAM = '{erasures}:sessions';
const PAGE = 500;

/** `at`: epoch milliseconds, by the clock of the replica that erased. */
type Erasure = Readonly<{ key: SessionKey; at: number }>;

/**
 * Tells every replica of erasures, through a stream that keeps 7 days. A replica reads on from where it was, so one that
 * had lost Redis misses none. Every method rejects with `StoreUnavailable` while Redis cannot be used.
 */
export class RedisErasureFeed {
  private readonly replica = randomUUID();
  /** Nothing from before the start can be in the memory of this process. */
  private last = `${Date.now() - CLOCK_SLACK_MS}-0`;

  constructor(private readonly redis: RedisConnection) {}

  async post({ tenant, sessionId }: SessionKey, at: number): Promise<void> {
    const trim = ['MINID', '~', String(Math.max(0, at - ERASURE_MARK_MS))] as const;
    const fields = ['tenant', tenant, 'session', sessionId, 'at', String(at), 'by', this.replica];
    await this.redis.run((client) => client.xadd(STREAM, ...trim, '*', ...fields));
  }

  /** What other replicas have erased since the last call, oldest first; at most 500, the rest comes with the next one. */
  async news(): Promise<Erasure[]> {
    const entries = await this.redis.run((client) => client.xrange(STREAM, `(${this.last}`, '+', 'COUNT', PAGE));
    this.last = entries.at(-1)?.[0] ?? this.last;
    return entries.flatMap(([, fields]) => this.foreign(fields));
  }

  private foreign(flat: readonly string[]): Erasure[] {
    const fields = new Map(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? ''] as const] : [])));
    const [tenant, sessionId] = [fields.get('tenant'), fields.get('session')];
    if (tenant === undefined || sessionId === undefined || fields.get('by') === this.replica) return [];
    return [{ key: { tenant, sessionId }, at: Number(fields.get('at')) }];
  }
}
