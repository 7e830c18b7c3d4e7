import { Logger } from '@nestjs/common';
import { BackgroundWork, type ScheduledWork } from '../../../common/background-work.js';
import { RedisScript, type RedisConnection } from '../../../common/redis/redis-connection.js';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import { HotTail, type TailReading } from '../hot-tail.js';
import type { SessionKey, StoredTurn } from '../stored-turn.js';
import { fromDocument, toDocument } from '../turn-document.js';
import { hashTag } from '../../../common/redis/hash-tag.js';
import { parseKeepingNumbers } from '../../../common/json-numbers.js';

/** Larger turns would make every read of the session slow; such a session is read from the turn store. Bytes. */
const MAX_HOT_TURN_BYTES = 262_144;
/** Marks of erasures outlive every read that could still fill, milliseconds. */
const ERASURE_MARK_MS = 86_400_000;
const REPAIR_EVERY_MS = 250;
const MAX_STALE = 100_000;

/**
 * A session has three keys with one hash tag: the list of its turns, a hash with what is known about the list, and a
 * counter of erasures. `count` tells when Redis has evicted the list and kept the hash: it is then not complete.
 */
const READ = new RedisScript(`
  local mark = redis.call('GET', KEYS[3]) or '0'
  local facts = redis.call('HMGET', KEYS[2], 'forgetAt', 'filledFor', 'count')
  if tonumber(facts[1] or '0') <= tonumber(ARGV[1]) then return {mark, '0'} end
  local turns = redis.call('LRANGE', KEYS[1], 0, -1)
  local whole = #turns == tonumber(facts[3] or '-1')
  return {mark, whole and facts[2] or '0', unpack(turns)}`);

const KEEP = `
  local function keep(now, ttl)
    redis.call('HSET', KEYS[2], 'forgetAt', now + ttl, 'count', redis.call('LLEN', KEYS[1]))
    redis.call('PEXPIRE', KEYS[1], ttl)
    redis.call('PEXPIRE', KEYS[2], ttl)
  end`;

const APPEND = new RedisScript(`${KEEP}
  local now, max, ttl = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
  local facts = redis.call('HMGET', KEYS[2], 'forgetAt', 'count')
  if tonumber(facts[1] or '0') <= now or tonumber(facts[2] or '-1') ~= redis.call('LLEN', KEYS[1]) then
    redis.call('DEL', KEYS[2])
    if tonumber(facts[1] or '0') <= now then redis.call('DEL', KEYS[1]) end
  end
  redis.call('RPUSH', KEYS[1], ARGV[4])
  redis.call('LTRIM', KEYS[1], -max, -1)
  keep(now, ttl)`);

/** Elements begin with the turn's id, so the order of the texts is the order of the turns. */
const FILL = new RedisScript(`${KEEP}
  local now, max, ttl = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
  if (redis.call('GET', KEYS[3]) or '0') ~= ARGV[4] then return end
  local byId, all = {}, {}
  local function add(turn)
    local id = string.match(turn, '^%S+')
    if not byId[id] then byId[id] = true; all[#all + 1] = turn end
  end
  if tonumber(redis.call('HGET', KEYS[2], 'forgetAt') or '0') > now then
    for _, turn in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do add(turn) end
  end
  for i = 5, #ARGV do add(ARGV[i]) end
  table.sort(all)
  redis.call('DEL', KEYS[1], KEYS[2])
  for i = math.max(1, #all - max + 1), #all do redis.call('RPUSH', KEYS[1], all[i]) end
  redis.call('HSET', KEYS[2], 'filledFor', max)
  keep(now, ttl)`);

const ERASE = new RedisScript(`
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('INCR', KEYS[3])
  redis.call('PEXPIRE', KEYS[3], ARGV[1])`);

export interface RedisTailLimits {
  readonly ttlMs: number;
  readonly maxTurns: number;
}

/**
 * The hot tail that all replicas share. A turn that could not be added makes the session's list stale: it is forgotten
 * as soon as Redis answers again, and until then this replica reads the session from the turn store.
 *
 * @param limits asked at each use
 * @param now epoch milliseconds
 */
export class RedisHotTail extends HotTail {
  private readonly logger = new Logger('session');
  private readonly stale = new Map<string, SessionKey>();
  private readonly background = new BackgroundWork('session');
  private repairing: ScheduledWork | null = null;

  constructor(
    private readonly redis: RedisConnection,
    private readonly limits: () => RedisTailLimits,
    private readonly now: () => number = Date.now,
  ) {
    super();
  }

  async read(key: SessionKey): Promise<TailReading> {
    try {
      const reply = (await this.redis.run((client) => READ.run(client, keysOf(key), [this.now()]))) as string[];
      const [mark = '0', filledFor = '0', ...elements] = reply;
      if (this.stale.has(tagOf(key))) return { turns: [], complete: false, mark: -1, usable: true };
      const now = this.now();
      const { maxTurns } = this.limits();
      const turns = inOrder(elements.flatMap((element) => this.parsed(element, key)));
      return {
        turns: turns.filter(({ expiresAt }) => expiresAt > now).slice(-maxTurns),
        complete: Number(filledFor) >= maxTurns,
        mark: Number(mark),
        usable: true,
      };
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return { turns: [], complete: false, mark: -1, usable: false };
    }
  }

  async append(key: SessionKey, turn: StoredTurn, durable: boolean): Promise<void> {
    const { maxTurns, ttlMs } = this.limits();
    if (durable && turn.bytes > MAX_HOT_TURN_BYTES) return this.forget(key);
    const args = [this.now(), maxTurns, ttlMs, elementOf(turn)];
    await this.orStale(key, () => this.redis.run((client) => APPEND.run(client, keysOf(key), args)));
  }

  async fill(key: SessionKey, turns: readonly StoredTurn[], mark: number): Promise<void> {
    if (mark < 0 || turns.some(({ bytes }) => bytes > MAX_HOT_TURN_BYTES)) return;
    const { maxTurns, ttlMs } = this.limits();
    const args = [this.now(), maxTurns, ttlMs, mark, ...turns.map(elementOf)];
    try {
      await this.redis.run((client) => FILL.run(client, keysOf(key), args));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error; // unfilled, it is read from the turn store again
    }
  }

  /** @throws StoreUnavailable when the turns may still be there */
  async erase(key: SessionKey): Promise<void> {
    await this.redis.run((client) => ERASE.run(client, keysOf(key), [ERASURE_MARK_MS]));
    this.stale.delete(tagOf(key));
  }

  /** Stops repairing; what is stale then is forgotten by Redis after its TTL. */
  async close(): Promise<void> {
    await this.background.stop();
    if (this.stale.size > 0) await this.repair();
  }

  private forget(key: SessionKey): Promise<void> {
    return this.orStale(key, () => this.erase(key));
  }

  private async orStale(key: SessionKey, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      if (this.stale.size >= MAX_STALE) this.stale.delete(this.stale.keys().next().value!);
      this.stale.set(tagOf(key), key);
      this.repairing ??= this.background.repeat('forgetting what misses turns', REPAIR_EVERY_MS, () => this.repair());
    }
  }

  private async repair(): Promise<void> {
    try {
      for (const key of [...this.stale.values()]) await this.erase(key);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.logger.error(error);
    }
    if (this.stale.size > 0 || !this.repairing) return;
    this.repairing.stop();
    this.repairing = null;
  }

  private parsed(element: string, { sessionId }: SessionKey): StoredTurn[] {
    try {
      const [, expiresAt, json] = /^\S+ (\d+) ([^]*)$/.exec(element) ?? [];
      const turn = fromDocument(parseKeepingNumbers(json ?? ''));
      return [{ turn, expiresAt: Number(expiresAt), bytes: Buffer.byteLength(json ?? '') }];
    } catch (error) {
      const reason = error instanceof SyntaxError ? 'not JSON' : (error as Error).message;
      this.logger.error(`a turn of session ${sessionId} in Redis cannot be read and is left out: ${reason}`);
      return [];
    }
  }
}

const tagOf = ({ tenant, sessionId }: SessionKey): string => hashTag(tenant, sessionId);

function keysOf(key: SessionKey): string[] {
  const tag = tagOf(key);
  return [`${tag}:turns`, `${tag}:tail`, `${tag}:erasures`];
}

const elementOf = ({ turn, expiresAt }: StoredTurn): string =>
  `${turn.id} ${expiresAt} ${JSON.stringify(toDocument(turn))}`;

/** By id, each turn once. */
function inOrder(turns: readonly StoredTurn[]): StoredTurn[] {
  const byId = new Map(turns.map((stored) => [stored.turn.id, stored]));
  return [...byId.values()].sort((a, b) => (a.turn.id < b.turn.id ? -1 : 1));
}
