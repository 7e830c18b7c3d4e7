import { RedisScript, type RedisConnection } from '../../../common/redis/redis-connection.js';
import { ReplicaBoard } from '../replica-board.js';

/** Sorted set: replica -> when its word ends, milliseconds of Redis' clock. */
const KEY = '{replicas}:running';

const ANNOUNCE = new RedisScript(`
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return redis.call('ZCARD', KEYS[1])`);

/** Replicas that share a Redis. */
export class RedisReplicaBoard extends ReplicaBoard {
  constructor(private readonly redis: RedisConnection) {
    super();
  }

  async announce(replica: string, forMs: number): Promise<number> {
    return Number(await this.redis.run((client) => ANNOUNCE.run(client, [KEY], [replica, forMs])));
  }

  async leave(replica: string): Promise<void> {
    await this.redis.run((client) => client.zrem(KEY, replica));
  }
}
