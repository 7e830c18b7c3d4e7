import { randomUUID } from 'node:crypto';
import type { RedisConnection } from '../../../common/redis/redis-connection.js';
import type { SessionKey } from '../../../common/session-id.js';
import { CLOCK_SLACK_MS } from '../erasure.js';
import { ERASURE_MARK_MS } from '../turn-store.js';
import { setOwnField } from '../../../common/json/fields.js';

const STREAM = '{erasures}:sessions';
const PAGE = 500;

export interface Erasure {
  readonly key: SessionKey;
  /** Epoch milliseconds, by the clock of the replica that erased. */
  readonly at: number;
}

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
    return entries.map(([, fields]) => fieldsOf(fields)).flatMap((entry) => this.foreign(entry));
  }

  private foreign({ tenant, session, at, by }: Partial<Record<string, string>>): Erasure[] {
    if (tenant === undefined || session === undefined || by === this.replica) return [];
    return [{ key: { tenant, sessionId: session }, at: Number(at) }];
  }
}

function fieldsOf(flat: readonly string[]): Partial<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) setOwnField(fields, flat[i]!, flat[i + 1]!);
  return fields;
}
