import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { RedisConnection } from '../../../common/redis/redis-connection.js';
import { ifAvailable } from '../../../common/store-unavailable.js';
import { parseKeepingNumbers } from '../../../common/json/numbers.js';
import type { Beginning } from '../erasure.js';
import type { SessionKey } from '../../../common/session-id.js';
import type { StoredTurn } from '../stored-turn.js';
import { fromDocument, toDocument, type TurnDocument } from '../turn-document.js';
import type { TurnOutbox, OutboxEntry, OutboxSize, PendingTurn } from '../turn-outbox.js';

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
export class RedisTurnOutbox implements TurnOutbox {
  private readonly logger = new Logger('session');
  private readonly consumer = randomUUID();
  private policy: { readonly evicts: boolean; readonly at: number } | null = null;

  /** @param deadAfterMs see DEAD_AFTER_MS */
  constructor(
    private readonly redis: RedisConnection,
    private readonly deadAfterMs = DEAD_AFTER_MS,
  ) {}

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

  /** First what this replica took before and could not deliver, then what a dead one had taken, then the new ones. */
  async *entries(): AsyncGenerator<OutboxEntry> {
    if ((await this.redis.run((client) => client.xlen(STREAM))) === 0) return;
    await this.createGroup();
    for (let after = '0', batch = await this.take(after); batch.length > 0; batch = await this.take(after)) {
      yield* batch.map((entry) => this.entryOf(entry));
      after = batch.at(-1)![0];
    }
    for (const next of [() => this.claim(), () => this.take('>')]) {
      for (let batch = await next(); batch.length > 0; batch = await next()) {
        yield* batch.map((entry) => this.entryOf(entry));
      }
    }
  }

  async erase(key: SessionKey): Promise<void> {
    await this.eraseIn(STREAM, key, (ids) => this.remove(ids));
    await this.eraseIn(ASIDE, key, async (ids) => {
      await this.redis.run((client) => client.xdel(ASIDE, ...ids));
    });
  }

  size(): Promise<OutboxSize | null> {
    return ifAvailable(async () => {
      const lengths = await this.redis.run((client) => Promise.all([client.xlen(STREAM), client.xlen(ASIDE)]));
      const [waiting, setAside] = lengths;
      return { waiting, setAside };
    }, null);
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

  private entryOf([id, fields]: Entry): OutboxEntry {
    return {
      id,
      pending: () => fields && parsed(fields),
      remove: () => this.remove([id]),
      refused: () => this.redis.run((client) => client.hincrby(REFUSALS, id, 1)),
      setAside: async (why) => {
        const what = ['turn', fields?.[1] ?? '', 'entry', id, 'why', why];
        await this.redis.run((client) => client.xadd(ASIDE, 'MAXLEN', '~', MOST_ASIDE, '*', ...what));
        await this.remove([id]);
        return `set aside in ${ASIDE}`;
      },
    };
  }

  private async remove(ids: readonly string[]): Promise<void> {
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
