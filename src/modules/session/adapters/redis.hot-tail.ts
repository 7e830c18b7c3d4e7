import { BoundedMap } from '../../../common/bounded-map.js';
import { BackgroundWork } from '../../../common/background-work.js';
import { hashTag, RedisScript, type RedisConnection } from '../../../common/redis/redis-connection.js';
import { ifAvailable } from '../../../common/store-unavailable.js';
import { CLOCK_SLACK_MS } from '../erasure.js';
import type { HotTail, HotTailLimits, Kept, TailReading } from '../hot-tail.js';
import type { SessionKey } from '../../../common/session-id.js';
import { mergeTurns, type StoredTurn } from '../stored-turn.js';
import { fromDocument, readTurn, toDocument } from '../turn-document.js';
import { parseKeepingNumbers } from '../../../common/json/numbers.js';

/** Larger turns would make every read of the session slow; such a session is read from the turn store. Bytes. */
const MAX_HOT_TURN_BYTES = 262_144;
/** Marks of erasures outlive every read that could still fill, milliseconds. */
const ERASURE_KNOWN_MS = 86_400_000;
const REPAIR_EVERY_MS = 250;
const MAX_STALE = 100_000;

/**
 * Turns in one reply or one call: `sessions.maxTurns` may be thousands, and a script that moves them all at once would
 * hold up every other caller of Redis.
 */
const PIECE = 500;

/**
 * A session has four keys with one hash tag: the list of its turns, a hash with what is known about the list, a counter
 * of what was forgotten, and the number of the latest erasure. `count` tells when Redis has evicted the list and kept the
 * hash: it is then not complete. Replies the newest turns; the older ones are read in further pieces.
 */
const READ = new RedisScript(`
  local mark, erased = redis.call('GET', KEYS[3]) or '0', redis.call('GET', KEYS[4]) or '0'
  local facts = redis.call('HMGET', KEYS[2], 'forgetAt', 'filledFor', 'count')
  if tonumber(facts[1] or '0') <= tonumber(ARGV[1]) then return {mark, erased, '0', 0, {}} end
  local length = redis.call('LLEN', KEYS[1])
  local complete = length == tonumber(facts[3] or '-1')
  return {mark, erased, complete and facts[2] or '0', length, redis.call('LRANGE', KEYS[1], -tonumber(ARGV[2]), -1)}`);

const KEEP = `
  local function keep(now, ttl)
    redis.call('HSET', KEYS[2], 'forgetAt', now + ttl, 'count', redis.call('LLEN', KEYS[1]))
    redis.call('PEXPIRE', KEYS[1], ttl)
    redis.call('PEXPIRE', KEYS[2], ttl)
  end`;

/** ARGV[5], ARGV[6]: the beginning, as `erasedSince` (erasure.ts) wants it; empty = there is nothing to compare. */
const APPEND = new RedisScript(`${KEEP}
  local now, max, ttl = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
  local erased, before, at = tonumber(redis.call('GET', KEYS[4]) or '0'), tonumber(ARGV[5]), tonumber(ARGV[6])
  if at and erased > 0 then
    if before and erased > before and erased > at - ${CLOCK_SLACK_MS} then return 0 end
    if not before and erased >= at then return 0 end
  end
  local facts = redis.call('HMGET', KEYS[2], 'forgetAt', 'count')
  if tonumber(facts[1] or '0') <= now or tonumber(facts[2] or '-1') ~= redis.call('LLEN', KEYS[1]) then
    redis.call('DEL', KEYS[2])
    if tonumber(facts[1] or '0') <= now then redis.call('DEL', KEYS[1]) end
  end
  -- A full Redis refuses to add and lets delete: a list that misses this turn must not pass for the whole.
  if type(redis.pcall('RPUSH', KEYS[1], ARGV[4])) == 'table' then
    redis.call('DEL', KEYS[1], KEYS[2])
    return 2
  end
  redis.call('LTRIM', KEYS[1], -max, -1)
  keep(now, ttl)
  return 1`);

/**
 * Elements begin with the turn's id, so the order of the texts is the order of the turns. ARGV[5]: for how many turns
 * the list is complete with these; 0 = another piece follows.
 */
const FILL = new RedisScript(`${KEEP}
  local now, max, ttl = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
  if (redis.call('GET', KEYS[3]) or '0') ~= ARGV[4] then return end
  local byId, all = {}, {}
  local function add(turn)
    local id = string.match(turn, '^%S+')
    if not byId[id] then byId[id] = true; all[#all + 1] = turn end
  end
  if tonumber(redis.call('HGET', KEYS[2], 'forgetAt') or '0') > now then
    for _, turn in ipairs(redis.call('LRANGE', KEYS[1], -max, -1)) do add(turn) end
  end
  for i = 6, #ARGV do add(ARGV[i]) end
  table.sort(all)
  redis.call('DEL', KEYS[1], KEYS[2])
  for i = math.max(1, #all - max + 1), #all do redis.call('RPUSH', KEYS[1], all[i]) end
  if ARGV[5] ~= '0' then redis.call('HSET', KEYS[2], 'filledFor', ARGV[5]) end
  keep(now, ttl)`);

const FORGET = `
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('INCR', KEYS[3])
  redis.call('PEXPIRE', KEYS[3], ARGV[1])`;
const FORGET_TURNS = new RedisScript(FORGET);

/** Replies the number of the erasure, which is larger than the one before. */
const ERASE = new RedisScript(`${FORGET}
  local number = math.max(tonumber(ARGV[2]), tonumber(redis.call('GET', KEYS[4]) or '0') + 1)
  redis.call('SET', KEYS[4], string.format('%.0f', number), 'PX', ARGV[1])
  return string.format('%.0f', number)`);

type TailReply = [mark: string, erased: string, filledFor: string, length: number, newest: string[]];

/** Of a session that has to be read from the turn store; it is not filled either. */
const UNREAD = { turns: [], complete: false, mark: -1 };

/**
 * The hot tail that all replicas share. A turn that could not be added makes the session's list stale: it is forgotten
 * as soon as Redis answers again, and until then this replica reads the session from the turn store.
 *
 * @param limits asked at each use
 * @param now epoch milliseconds
 */
export class RedisHotTail implements HotTail {
  private readonly stale = new BoundedMap<string, SessionKey>(MAX_STALE);
  private readonly background = new BackgroundWork('session');
  private repairing: NodeJS.Timeout | null = null;

  constructor(
    private readonly redis: RedisConnection,
    private readonly limits: () => HotTailLimits,
    private readonly now: () => number = Date.now,
  ) {}

  read(key: SessionKey): Promise<TailReading> {
    return ifAvailable(() => this.readTail(key), { ...UNREAD, usable: false, erasedAt: null });
  }

  async append(key: SessionKey, turn: StoredTurn, durable: boolean): Promise<Kept> {
    const { maxTurns, ttlMs } = this.limits();
    if (durable && turn.bytes > MAX_HOT_TURN_BYTES) {
      await this.orStale(key, () => this.forget(key));
      return 'unsure';
    }
    const { at = '', erasedBefore = '' } = turn.began ?? {};
    const args = [this.now(), maxTurns, ttlMs, elementOf(turn), erasedBefore ?? '', at];
    const append = () => this.redis.run((client) => APPEND.run(client, keysOf(key), args));
    const reply = await this.orStale(key, append);
    if (reply === null || reply === 2) return 'unsure';
    return reply === 0 ? 'erased' : 'kept';
  }

  /** Unfilled, it is read from the turn store again. */
  async fill(key: SessionKey, turns: readonly StoredTurn[], mark: number): Promise<void> {
    if (mark < 0 || turns.some(({ bytes }) => bytes > MAX_HOT_TURN_BYTES)) return;
    const { maxTurns, ttlMs } = this.limits();
    const fill = async (): Promise<void> => {
      for (let from = 0; from === 0 || from < turns.length; from += PIECE) {
        const last = from + PIECE >= turns.length;
        const piece = turns.slice(from, from + PIECE).map(elementOf);
        const args = [this.now(), maxTurns, ttlMs, mark, last ? maxTurns : 0, ...piece];
        await this.redis.run((client) => FILL.run(client, keysOf(key), args));
      }
    };
    await ifAvailable(fill, undefined);
  }

  /** @throws StoreUnavailable when the turns may still be there */
  async erase(key: SessionKey, at: number): Promise<number> {
    const number = await this.redis.run((client) => ERASE.run(client, keysOf(key), [ERASURE_KNOWN_MS, at]));
    this.stale.delete(tagOf(key));
    return Number(number);
  }

  async forget(key: SessionKey): Promise<void> {
    await this.redis.run((client) => FORGET_TURNS.run(client, keysOf(key), [ERASURE_KNOWN_MS]));
    this.stale.delete(tagOf(key));
  }

  /** Stops repairing; what is stale then is forgotten by Redis after its TTL. */
  async close(): Promise<void> {
    await this.background.stop();
    await ifAvailable(() => this.repair(), undefined);
  }

  private async readTail(key: SessionKey): Promise<TailReading> {
    const reply = await this.redis.run((client) => READ.run(client, keysOf(key), [this.now(), PIECE]));
    const [mark, erased, filledFor, length, newest] = reply as TailReply;
    const known = { usable: true, erasedAt: Number(erased) };
    if (this.stale.has(tagOf(key))) return { ...UNREAD, ...known };
    const older = length > newest.length ? await this.older(key, length - newest.length) : [];
    const parsed = [...older, ...newest].flatMap((element) =>
      readTurn('a turn in Redis', key, () => storedTurn(element)),
    );
    const turns = mergeTurns([], parsed);
    const now = this.now();
    const { maxTurns } = this.limits();
    return {
      ...known,
      turns: turns.filter(({ expiresAt }) => expiresAt > now).slice(-maxTurns),
      // A turn that came between two pieces moves the others: what was missed shows in their number.
      complete: Number(filledFor) >= maxTurns && turns.length >= length,
      mark: Number(mark),
    };
  }

  /** The turns before the newest ones, oldest first. */
  private async older(key: SessionKey, count: number): Promise<string[]> {
    const elements: string[] = [];
    for (let from = 0; from < count; from += PIECE) {
      const to = Math.min(from + PIECE, count) - 1;
      elements.push(...(await this.redis.run((client) => client.lrange(keysOf(key)[0]!, from, to))));
    }
    return elements;
  }

  /** `null` when Redis is away. */
  private async orStale<T>(key: SessionKey, work: () => Promise<T>): Promise<T | null> {
    const result = await ifAvailable(work, null);
    if (result !== null) return result;
    this.stale.set(tagOf(key), key);
    this.repairing ??= this.background.repeat('forgetting what misses turns', REPAIR_EVERY_MS, () => this.repair());
    return null;
  }

  private async repair(): Promise<void> {
    for (const key of [...this.stale.values()]) await this.forget(key);
    if (this.stale.size > 0) return;
    if (this.repairing) this.background.clear(this.repairing);
    this.repairing = null;
  }
}

function storedTurn(element: string): StoredTurn {
  const [, expiresAt, json = ''] = /^\S+ (\d+) ([^]*)$/.exec(element) ?? [];
  const turn = fromDocument(parseKeepingNumbers(json));
  return { turn, expiresAt: Number(expiresAt), bytes: Buffer.byteLength(json) };
}

const tagOf = ({ tenant, sessionId }: SessionKey): string => hashTag(tenant, sessionId);

function keysOf(key: SessionKey): string[] {
  const tag = tagOf(key);
  return [`${tag}:turns`, `${tag}:tail`, `${tag}:erasures`, `${tag}:erased`];
}

const elementOf = ({ turn, expiresAt }: StoredTurn): string =>
  `${turn.id} ${expiresAt} ${JSON.stringify(toDocument(turn))}`;
