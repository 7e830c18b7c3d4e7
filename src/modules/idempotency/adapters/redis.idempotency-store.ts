import { RedisScript, type RedisConnection } from '../../../common/redis/redis-connection.js';
import { IdempotencyStore, type Claim, type SessionName, type StoredAnswer } from '../idempotency-store.js';

/** A key is a hash: `print` = fingerprint, `owner` while it runs, `answer` when it is done. */
const CLAIM = new RedisScript(`
  local entry = redis.call('HMGET', KEYS[1], 'print', 'answer')
  if not entry[1] then
    redis.call('HSET', KEYS[1], 'print', ARGV[1], 'owner', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return {'begun'}
  end
  if entry[1] ~= ARGV[1] then return {'other'} end
  if entry[2] then return {'done', entry[2]} end
  return {'running'}`);

const OWNED = `if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end`;
const RENEW = new RedisScript(`${OWNED}
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);
const COMPLETE = new RedisScript(`${OWNED}
  redis.call('HDEL', KEYS[1], 'owner')
  redis.call('HSET', KEYS[1], 'answer', ARGV[3])
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);
const RELEASE = new RedisScript(`${OWNED}
  return redis.call('DEL', KEYS[1])`);

/** Keys that all replicas share. */
export class RedisIdempotencyStore extends IdempotencyStore {
  constructor(private readonly redis: RedisConnection) {
    super();
  }

  async claim(name: string, fingerprint: string, owner: string, leaseMs: number): Promise<Claim> {
    const [state, answer] = (await this.run(CLAIM, name, [fingerprint, owner, leaseMs])) as [Claim['state'], string?];
    if (state !== 'done') return { state };
    return { state, answer: JSON.parse(answer ?? '') as StoredAnswer };
  }

  async renew(name: string, owner: string, leaseMs: number): Promise<boolean> {
    return (await this.run(RENEW, name, [owner, leaseMs])) === 1;
  }

  async complete(name: string, owner: string, answer: StoredAnswer, keepMs: number): Promise<void> {
    const { session } = answer;
    if (session) {
      await this.redis.run((client) => client.sadd(listOf(session), name));
      await this.redis.run((client) => client.pexpire(listOf(session), keepMs));
    }
    await this.run(COMPLETE, name, [owner, keepMs, JSON.stringify(answer)]);
  }

  async release(name: string, owner: string): Promise<void> {
    await this.run(RELEASE, name, [owner]);
  }

  async forgetSession(session: SessionName): Promise<void> {
    const names = await this.redis.run((client) => client.smembers(listOf(session)));
    for (const name of names) await this.redis.run((client) => client.del(keyOf(name)));
    await this.redis.run((client) => client.del(listOf(session)));
  }

  private run(script: RedisScript, name: string, args: (string | number)[]): Promise<unknown> {
    return this.redis.run((client) => script.run(client, [keyOf(name)], args));
  }
}

const keyOf = (name: string): string => `{idempotency:${name}}`;

/** The keys that hold something of a session, so that erasing the session finds them. */
const listOf = ({ tenant, sessionId }: SessionName): string =>
  `{idempotency-of:${encodeURIComponent(tenant.toWellFormed())}:${sessionId}}`;
