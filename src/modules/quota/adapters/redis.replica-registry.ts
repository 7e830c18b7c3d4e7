import { RedisScript, type RedisConnection } from '../../../common/redis/redis-connection.js';
import type { ReplicaRegistry } from '../replica-count.js';

/** Sorted set: replica -> until when its heartbeat counts, milliseconds of Redis' clock. */
const KEY = '{replicas}:running';

const HEARTBEAT = new RedisScript(`
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return redis.call('ZCARD', KEYS[1])`);

/** Replicas that share a Redis. */
export class RedisReplicaRegistry implements ReplicaRegistry {
  constructor(private readonly redis: RedisConnection) {}

  async heartbeat(replica: string, forMs: number): Promise<number> {
    return Number(await this.redis.run((client) => HEARTBEAT.run(client, [KEY], [replica, forMs])));
  }

  async deregister(replica: string): Promise<void> {
    await this.redis.run((client) => client.zrem(KEY, replica));
  }
}
