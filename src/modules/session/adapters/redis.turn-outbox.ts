import { ownWords } from '../../../common/logging/outside-text.js';
import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { RedisConnection } from '../../../common/redis/redis-connection.js';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import { parseKeepingNumbers } from '../../../common/json/numbers.js';
import type { Beginning } from '../erasure.js';
import type { SessionKey } from '../../../common/session-id.js';
import type { StoredTurn } from '../stored-turn.js';
import { fromDocument, toDocument, type TurnDocument } from '../turn-document.js';
import { EntryGaps } from '../entry-gaps.js';
import { EntryDeferred, MOST_TRIES, TurnOutbox, type Deliver, type PendingTurn } from '../turn-outbox.js';

const STREAM = '{outbox}:turns';
/** Refusals of an entry by all replicas, by its id. */
const REFUSALS = '{outbox}:refusals';
/** What no store takes, for an operator to look at; the oldest leave. */
const ASIDE = '{outbox}:set-aside';
const MOST_ASIDE = 1_000;
const GROUP = 'replicas';
const BATCH = 50;
/** A replica that holds a turn for so long without delivering it is taken for dead, milliseconds. */
const DEAD_AFTER_MS = 5_000;
const ERASE_PAGE = 500;
const POLICY_EVERY_MS = 30_000;

/** `[id, [field, value]]`; a deleted entry that was still pending has no fields. */
type Entry = [id: string, fields: string[] | null];

interface Message {
  readonly tenant: string;
  readonly session: string;
  readonly expires_at: number;
  readonly turn: TurnDocument;
  readonly began?: Beginning;
}

/**
 * The outbox all replicas share: a stream with one consumer group. Whoever is alive drains it; what a dead replica had
 * taken is claimed from it after 5 s.
 */
export class RedisTurnOutbox extends TurnOutbox {
  private readonly logger = new Logger('session');
  private readonly consumer = randomUUID();
  private readonly gaps = new EntryGaps();
  private policy: { readonly evicts: boolean; readonly at: number } | null = null;

  /** @param deadAfterMs see DEAD_AFTER_MS */
  constructor(
    private readonly redis: RedisConnection,
    private readonly deadAfterMs = DEAD_AFTER_MS,
  ) {
    super();
  }

  async put({ key, turn }: PendingTurn): Promise<boolean> {
    const message: Message = {
      tenant: key.tenant,
      session: key.sessionId,
      expires_at: turn.expiresAt,
      turn: toDocument(turn.turn),
      ...(turn.began ? { began: turn.began } : {}),
    };
    const durable = await this.durable();
    await this.redis.run((client) => client.xadd(STREAM, '*', 'turn', JSON.stringify(message)));
    return durable;
  }

  /** A Redis that may throw away any key (`allkeys-*`) is a cache; what it holds is not safe. Asked every 30 s. */
  async durable(): Promise<boolean> {
    if (!this.policy || Date.now() - this.policy.at > POLICY_EVERY_MS) {
      const info = await this.redis.run((client) => client.info('memory'));
      const evicts = /maxmemory_policy:allkeys-/.test(info) && !/\bmaxmemory:0\b/.test(info);
      if (evicts && !this.policy?.evicts) {
        this.logger.warn('Redis may evict any key (maxmemory-policy allkeys-*): its outbox does not count as durable');
      }
      this.policy = { evicts, at: Date.now() };
    }
    return !this.policy.evicts;
  }

  async drain(deliver: Deliver): Promise<number> {
    if ((await this.depth()) === 0) return 0;
    await this.createGroup();
    let delivered = 0;
    for await (const entry of this.entries()) {
      if (!this.gaps.isDue(entry[0])) continue;
      const outcome = await this.deliverOne(entry, deliver);
      if (outcome === 'away') return delivered;
      if (outcome === 'delivered') delivered += 1;
    }
    return delivered;
  }

  async erase(key: SessionKey): Promise<void> {
    await this.eraseIn(STREAM, key, (ids) => this.remove(ids));
    await this.eraseIn(ASIDE, key, async (ids) => {
      await this.redis.run((client) => client.xdel(ASIDE, ...ids));
    });
  }

  async setAside(): Promise<number | null> {
    try {
      return await this.redis.run((client) => client.xlen(ASIDE));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return null;
    }
  }

  private async eraseIn(stream: string, key: SessionKey, remove: (ids: string[]) => Promise<void>): Promise<void> {
    let from = '-';
    for (;;) {
      const entries = await this.redis.run((client) => client.xrange(stream, from, '+', 'COUNT', ERASE_PAGE));
      const own = entries.filter(([, fields]) => isOf(key, fields)).map(([id]) => id);
      if (own.length > 0) await remove(own);
      if (entries.length < ERASE_PAGE) return;
      from = `(${entries.at(-1)![0]}`;
    }
  }

  async depth(): Promise<number | null> {
    try {
      return await this.redis.run((client) => client.xlen(STREAM));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return null;
    }
  }

  /** First what this replica took before and could not deliver, then what a dead one had taken, then the new ones. */
  private async *entries(): AsyncGenerator<Entry> {
    for (let after = '0', batch = await this.take(after); batch.length > 0; batch = await this.take(after)) {
      yield* batch;
      after = batch.at(-1)![0];
    }
    for (let batch = await this.claim(); batch.length > 0; batch = await this.claim()) yield* batch;
    for (let batch = await this.take('>'); batch.length > 0; batch = await this.take('>')) yield* batch;
  }

  /** @param after id: own entries behind it; `>`: those that nobody has taken */
  private async take(after: string): Promise<Entry[]> {
    const reply = (await this.redis.run((client) =>
      client.xreadgroup('GROUP', GROUP, this.consumer, 'COUNT', BATCH, 'STREAMS', STREAM, after),
    )) as [string, Entry[]][] | null;
    return reply?.[0]?.[1] ?? [];
  }

  private async claim(): Promise<Entry[]> {
    const [, entries] = (await this.redis.run((client) =>
      client.xautoclaim(STREAM, GROUP, this.consumer, this.deadAfterMs, '0', 'COUNT', BATCH),
    )) as [string, Entry[]];
    return entries;
  }

  private async deliverOne([id, fields]: Entry, deliver: Deliver): Promise<'delivered' | 'kept' | 'away'> {
    try {
      const pending = fields && parsed(fields);
      if (pending) await deliver(pending);
      await this.remove([id]);
      return 'delivered';
    } catch (error) {
      if (error instanceof StoreUnavailable) return 'away';
      return this.failed(id, fields, error as Error);
    }
  }

  private async failed(id: string, fields: readonly string[] | null, error: Error): Promise<'kept' | 'away'> {
    this.gaps.failed(id);
    if (error instanceof EntryDeferred) return 'kept';
    try {
      const refusals = await this.redis.run((client) => client.hincrby(REFUSALS, id, 1));
      if (refusals < MOST_TRIES) return 'kept';
      const what = ['turn', fields?.[1] ?? '', 'entry', id, 'why', error.message];
      await this.redis.run((client) => client.xadd(ASIDE, 'MAXLEN', '~', MOST_ASIDE, '*', ...what));
      await this.remove([id]);
      this.logger.error(`entry ${id} of the outbox cannot be stored and is set aside in ${ASIDE}: ${ownWords(error)}`);
      return 'kept';
    } catch (away) {
      if (!(away instanceof StoreUnavailable)) throw away;
      return 'away';
    }
  }

  private async remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.gaps.forget(id);
    await this.redis.run(async (client) => {
      await client.xdel(STREAM, ...ids);
      await client.xack(STREAM, GROUP, ...ids);
      await client.hdel(REFUSALS, ...ids);
    });
  }

  private async createGroup(): Promise<void> {
    try {
      await this.redis.run((client) => client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM'));
    } catch (error) {
      if (!(error as Error).message.includes('BUSYGROUP')) throw error;
    }
  }
}

const messageOf = (fields: readonly string[]): Message => parseKeepingNumbers(fields[1] ?? '') as Message;

function isOf({ tenant, sessionId }: SessionKey, fields: readonly string[]): boolean {
  try {
    const message = messageOf(fields);
    return message.tenant === tenant && message.session === sessionId;
  } catch {
    return false; // reported when it is drained
  }
}

/** @throws Error that says what is wrong */
function parsed(fields: readonly string[]): PendingTurn {
  const { tenant, session, expires_at: expiresAt, turn, began } = messageOf(fields);
  const stored: StoredTurn = {
    turn: fromDocument(turn),
    expiresAt,
    bytes: Buffer.byteLength(JSON.stringify(turn)),
    ...(began ? { began } : {}),
  };
  return { key: { tenant, sessionId: session }, turn: stored };
}
