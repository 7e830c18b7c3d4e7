import { RedisScript, type RedisConnection } from '../../../common/redis/redis-connection.js';
import type { SessionKey } from '../../../common/session-id.js';
import { IdempotencyStore, KEPT_OF_A_USER, type Claim, type KeyName, type StoredAnswer } from '../idempotency-store.js';

/** The names of keys whose request has ended. */
const ENDED = 'idempotency:ended';

const NOW = `local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)`;
/** A key is a hash: `print` = fingerprint, `owner` and `since` while it runs, `answer` when it is done. */
const CLAIM = new RedisScript(`${NOW}
  local entry = redis.call('HMGET', KEYS[1], 'print', 'answer')
  if not entry[1] then
    redis.call('HSET', KEYS[1], 'print', ARGV[1], 'owner', ARGV[2], 'since', now)
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return {'claimed'}
  end
  if entry[1] ~= ARGV[1] then return {'other'} end
  if entry[2] then return {'done', entry[2]} end
  return {'running'}`);

const OWNED = `if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end`;
const RENEW = new RedisScript(`${OWNED}
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);
/** An account that may not publish still keeps and releases keys: those who wait look by themselves. */
const TELL = `redis.pcall('PUBLISH', '${ENDED}', ARGV[2])`;
const MARK_ERASED = new RedisScript(`${NOW}
  redis.call('SET', KEYS[1], now, 'PX', ARGV[1])`);
const RELEASE = new RedisScript(`${OWNED}
  redis.call('DEL', KEYS[1])
  ${TELL}
  return 1`);

/** What a user has kept. KEYS[2] = sorted set, name by time; KEYS[3] = hash, name -> bytes; `all` = their sum. */
const FORGET_ONE = `
  local function forget(name)
    local size = redis.call('HGET', KEYS[3], name)
    redis.call('ZREM', KEYS[2], name)
    if not size then return end
    redis.call('HDEL', KEYS[3], name)
    redis.call('HINCRBY', KEYS[3], 'all', '-' .. size)
  end`;
/**
 * ARGV: owner, name, milliseconds to keep, answer, its bytes, most answers and most bytes of the user. Replies the names
 * that leave, whose keys the caller deletes: a script must not touch keys that it was not given.
 */
const COMPLETE = new RedisScript(`${FORGET_ONE}
  if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return {} end
  redis.call('HDEL', KEYS[1], 'owner')
  redis.call('HSET', KEYS[1], 'answer', ARGV[4])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  ${NOW}
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[3]))) do forget(name) end
  forget(ARGV[2])
  redis.call('ZADD', KEYS[2], now, ARGV[2])
  redis.call('HSET', KEYS[3], ARGV[2], ARGV[5])
  redis.call('HINCRBY', KEYS[3], 'all', ARGV[5])
  local gone = {}
  while redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[6]) or tonumber(redis.call('HGET', KEYS[3], 'all')) > tonumber(ARGV[7]) do
    local oldest = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
    if not oldest then break end
    forget(oldest)
    gone[#gone + 1] = oldest
  end
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
  ${TELL}
  return gone`);
/** ARGV: name. */
const FORGET = new RedisScript(`${FORGET_ONE}
  redis.call('DEL', KEYS[1])
  forget(ARGV[1])`);

/** Longer than any request runs, milliseconds. */
const ERASED_KEPT_MS = 86_400_000;
const PAGE = 200;

/** Keys that all replicas share. */
export class RedisIdempotencyStore extends IdempotencyStore {
  private listening = false;

  constructor(
    private readonly redis: RedisConnection,
    private readonly bounds = KEPT_OF_A_USER,
  ) {
    super();
  }

  async claim(key: KeyName, fingerprint: string, owner: string, leaseMs: number): Promise<Claim> {
    const reply = await this.run(CLAIM, [placeOf(key)], [fingerprint, owner, leaseMs]);
    const [state, answer] = reply as [Claim['state'], string?];
    if (state !== 'done') return { state };
    return { state, answer: JSON.parse(answer ?? '') as StoredAnswer };
  }

  async renew(key: KeyName, owner: string, leaseMs: number): Promise<boolean> {
    return (await this.run(RENEW, [placeOf(key)], [owner, leaseMs])) === 1;
  }

  async complete(key: KeyName, owner: string, answer: StoredAnswer, keepMs: number): Promise<void> {
    const { session } = answer;
    if (session) {
      await this.redis.run((client) => client.sadd(listOf(session), `${key.user} ${key.name}`));
      await this.redis.run((client) => client.pexpire(listOf(session), keepMs));
    }
    const text = JSON.stringify(answer);
    const args = [owner, key.name, keepMs, text, Buffer.byteLength(text), this.bounds.answers, this.bounds.bytes];
    const gone = (await this.run(COMPLETE, keysOf(key), args)) as string[];
    this.tell(key.name);
    for (const name of gone) await this.redis.run((client) => client.del(placeOf({ ...key, name })));
    // Asked behind the write: an erasure has either found the answer in the list or is seen here.
    if (session && (await this.wasErased(key, session))) await this.run(FORGET, keysOf(key), [key.name]);
  }

  async release(key: KeyName, owner: string): Promise<void> {
    await this.run(RELEASE, [placeOf(key)], [owner, key.name]);
    this.tell(key.name);
  }

  async forgetSession(session: SessionKey): Promise<void> {
    await this.redis.run((client) => MARK_ERASED.run(client, [erasedOf(session)], [ERASED_KEPT_MS]));
    let cursor = '0';
    do {
      const scan = () => this.redis.run((client) => client.sscan(listOf(session), cursor, 'COUNT', PAGE));
      const [next, members] = await scan();
      for (const member of members) {
        const [user = '', name = ''] = member.split(' ');
        await this.run(FORGET, keysOf({ user, name }), [name]);
      }
      cursor = next;
    } while (cursor !== '0');
    await this.redis.run((client) => client.del(listOf(session)));
  }

  /** The first one opens the connection that listens: most services never have a duplicate that waits. */
  override ended(key: KeyName, signal: AbortSignal): Promise<void> {
    if (!this.listening) this.redis.listen(ENDED, (name) => this.tell(name));
    this.listening = true;
    return super.ended(key, signal);
  }

  /** Whether the session was erased since the key was claimed, by the clock of Redis. */
  private async wasErased(key: KeyName, session: SessionKey): Promise<boolean> {
    const erasedAt = await this.redis.run((client) => client.get(erasedOf(session)));
    if (erasedAt === null) return false;
    const since = await this.redis.run((client) => client.hget(placeOf(key), 'since'));
    return Number(erasedAt) >= Number(since ?? 0);
  }

  private run(script: RedisScript, keys: readonly string[], args: (string | number)[]): Promise<unknown> {
    return this.redis.run((client) => script.run(client, keys, args));
  }
}

const placeOf = ({ user, name }: KeyName): string => `{idempotency:${user}}:${name}`;

/** All of a user on one node of a cluster. */
const keysOf = (key: KeyName): string[] => [
  placeOf(key),
  `{idempotency:${key.user}}:kept`,
  `{idempotency:${key.user}}:sizes`,
];

/** The keys that hold something of a session, so that erasing the session finds them. */
const listOf = ({ tenant, sessionId }: SessionKey): string =>
  `{idempotency-of:${encodeURIComponent(tenant.toWellFormed())}:${sessionId}}`;

/** When the session was last erased, by the clock of Redis. */
const erasedOf = (session: SessionKey): string => `${listOf(session)}:erased`;
