import { randomUUID } from 'node:crypto';
import { RedisScript, type RedisConnection } from '../../../common/redis/redis-connection.js';

/** Tells the names of answers whose generation has ended, to replicas that wait for one. */
const ENDED = 'cache:ended';
/** On the same node of a cluster as its answer, so that the two are asked for in one go and in order. */
const leaseKeyOf = (name: string): string => `cache:lease:{${name}}`;

/** A replica that dies holds the others up so long at most, and one whose event loop stands does so in vain. */
const LEASE_MS = 1_800;
export const RENEW_EVERY_MS = 500;

/**
 * A lease is `-` and its owner's name, with `w` in the place of `-` once somebody waits for its end. KEYS: lease. ARGV: name
 * of the one who asks, milliseconds. Replies milliseconds that are left and the owner's name. One that does not end soon was
 * not written here, and ends like any.
 */
const CLAIM = new RedisScript(`
if redis.call('SET', KEYS[1], '-' .. ARGV[1], 'NX', 'PX', ARGV[2]) then return {0, ARGV[1]} end
local marked = redis.pcall('SETRANGE', KEYS[1], 0, 'w')
if type(marked) == 'table' and marked.err then
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[1], '-' .. ARGV[1], 'PX', ARGV[2])
  return {0, ARGV[1]}
end
local left = redis.call('PTTL', KEYS[1])
if left < 0 or left > tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return {left, redis.call('GETRANGE', KEYS[1], 1, -1)}
`);

/** ARGV: owner, milliseconds. Never makes a lease that has ended. */
const RENEW = new RedisScript(`
if redis.call('GETRANGE', KEYS[1], 1, -1) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/** ARGV: owner, name of the answer. An account that may not publish still releases: those who wait look by themselves. */
const RELEASE = new RedisScript(`
local lease = redis.call('GET', KEYS[1])
if not lease or string.sub(lease, 2) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if string.sub(lease, 1, 1) == 'w' then redis.pcall('PUBLISH', '${ENDED}', ARGV[2]) end
return 1
`);

export interface LeaseClaim {
  readonly isOurs: boolean;
  /** Milliseconds until it ends unless it is renewed. */
  readonly leftMs: number;
  /** Opaque; another one = another generation. */
  readonly owner: string;
}

/** Who makes which answer, over all replicas. Every method but `listen` rejects with `StoreUnavailable` while Redis is away. */
export class RedisGenerationLeases {
  constructor(private readonly redis: RedisConnection) {}

  async claim(name: string): Promise<LeaseClaim> {
    const own = randomUUID();
    const reply = await this.redis.run((client) => CLAIM.run(client, [leaseKeyOf(name)], [own, LEASE_MS]));
    const [leftMs, owner] = reply as [number, string];
    return { isOurs: owner === own, leftMs, owner };
  }

  async renew(name: string, owner: string): Promise<void> {
    await this.redis.run((client) => RENEW.run(client, [leaseKeyOf(name)], [owner, LEASE_MS]));
  }

  async release(name: string, owner: string): Promise<void> {
    await this.redis.run((client) => RELEASE.run(client, [leaseKeyOf(name)], [owner, name]));
  }

  /** @param onEnded is told of the generations that others wait for; word can be lost */
  listen(onEnded: (name: string) => void): void {
    this.redis.listen(ENDED, onEnded);
  }
}
