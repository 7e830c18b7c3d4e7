import { RedisScript, type RedisConnection } from '../../../common/redis/redis-connection.js';
import type { DrainMark, DrainStore } from '../drained-targets.js';

/** Hash: target -> "at drained". */
const KEY = '{targets}:drains';

const POST = new RedisScript(`
  local before = redis.call('HGET', KEYS[1], ARGV[1])
  if before and tonumber(string.match(before, '^%d+') or '0') >= tonumber(ARGV[2]) then return 0 end
  return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])`);

/** Marks that all replicas share. */
export class RedisDrainStore implements DrainStore {
  constructor(private readonly redis: RedisConnection) {}

  async post(target: string, { drained, at }: DrainMark): Promise<void> {
    await this.redis.run((client) => POST.run(client, [KEY], [target, at, drained ? 1 : 0]));
  }

  async read(targets: readonly string[]): Promise<Map<string, DrainMark>> {
    const marks = new Map<string, DrainMark>();
    if (targets.length === 0) return marks;
    const values = await this.redis.run((client) => client.hmget(KEY, ...targets));
    for (const [i, target] of targets.entries()) {
      const [, at, drained] = /^(\d+) ([01])$/.exec(values[i] ?? '') ?? [];
      if (at) marks.set(target, { at: Number(at), drained: drained === '1' });
    }
    return marks;
  }
}
