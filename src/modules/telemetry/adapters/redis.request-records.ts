import { RedisScript, type RedisConnection } from '../../../common/redis/redis-connection.js';
import { type RequestRecords, type KeptRecord, type RecordBatch } from '../records/request-records.js';

const STREAM = '{activity}:requests';
/** Hash: `owner/request id`, and `owner/` for his latest, to the place in the stream. */
const PLACES = '{activity}:request-ids';
/** Hash: place in the stream to feedback. */
const FEEDBACK = '{activity}:feedback';
/** Followed by the writer: the number of its latest batch. */
const BATCHES = '{activity}:batches:';
/** A reply that was lost is asked for within seconds of the end of whatever lost it; seconds. */
const BATCHES_KEPT = 86_400;
/** Redis takes no exclusive end of a range there. */
const NOTHING_BEFORE = /^0+(-0+)?$/;
/** Leave in one go; Redis does nothing else meanwhile. */
const MOST_LEAVING = 500;

/**
 * KEYS: stream, places, feedback, latest batch of the writer. ARGV: number of the batch, records kept, the most that leave
 * in one go; then of each record owner, request id and text. Replies how many are still to leave.
 *
 * A record is found by its key without a search, and what is beside it leaves with it: a key that a newer record has taken over stays.
 */
const ADD = new RedisScript(`
  local number, keep, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
  if number > tonumber(redis.call('GET', KEYS[4]) or '0') then
    for i = 4, #ARGV, 3 do
      local place = redis.call('XADD', KEYS[1], '*', 'o', ARGV[i], 'i', ARGV[i + 1], 'r', ARGV[i + 2])
      redis.call('HSET', KEYS[2], ARGV[i] .. '/' .. ARGV[i + 1], place, ARGV[i] .. '/', place)
    end
    redis.call('SET', KEYS[4], ARGV[1], 'EX', ${BATCHES_KEPT})
  end
  local length = redis.call('XLEN', KEYS[1])
  local excess = length - keep
  if excess <= 0 then return 0 end
  local leaving = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', math.min(excess, most))
  for _, entry in ipairs(leaving) do
    local place, fields = entry[1], entry[2]
    for _, key in ipairs({fields[2] .. '/' .. (fields[4] or ''), fields[2] .. '/'}) do
      if redis.call('HGET', KEYS[2], key) == place then redis.call('HDEL', KEYS[2], key) end
    end
    redis.call('HDEL', KEYS[3], place)
  end
  redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', length - #leaving)
  return excess - #leaving`);

/** KEYS: stream, places, feedback. ARGV: owner, request id ("" = the latest). Replies place, text and feedback, or nothing. */
const FIND = new RedisScript(`
  local place = redis.call('HGET', KEYS[2], ARGV[1] .. '/' .. ARGV[2])
  if not place then return false end
  local entry = redis.call('XRANGE', KEYS[1], place, place)[1]
  if not entry then return false end
  return {place, entry[2][6], redis.call('HGET', KEYS[3], place)}`);

/** KEYS: stream, feedback. ARGV: place, feedback. */
const JUDGE = new RedisScript(`
  if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
  return 1`);

/** Records in a Redis stream, all its keys on one node of a cluster. */
export class RedisRequestRecords implements RequestRecords {
  constructor(private readonly redis: RedisConnection) {}

  async add({ writer, number, entries, keep }: RecordBatch): Promise<void> {
    const keys = [STREAM, PLACES, FEEDBACK, BATCHES + writer];
    const args: (string | number)[] = [number, keep, MOST_LEAVING];
    for (const { owner, requestId, text } of entries) args.push(owner, requestId, text);
    let excess = await this.redis.run((client) => ADD.run(client, keys, args));
    while (Number(excess) > 0) {
      excess = await this.redis.run((client) => ADD.run(client, keys, [0, keep, MOST_LEAVING]));
    }
  }

  async find(owner: string, requestId: string | null): Promise<KeptRecord | null> {
    const keys = [STREAM, PLACES, FEEDBACK];
    const found = await this.redis.run((client) => FIND.run(client, keys, [owner, requestId ?? '']));
    if (!found) return null;
    const [place, text, feedback] = found as [string, string, string | null];
    return { place, text, feedback };
  }

  async page(after: string | null, count: number): Promise<KeptRecord[]> {
    if (after !== null && NOTHING_BEFORE.test(after)) return [];
    const newest = after === null ? '+' : `(${after}`;
    return this.redis.run(async (client) => {
      const entries = await client.xrevrange(STREAM, newest, '-', 'COUNT', count);
      if (entries.length === 0) return [];
      const feedback = await client.hmget(FEEDBACK, ...entries.map(([place]) => place));
      return entries.map(([place, fields], i) => ({ place, text: fields[5] ?? '', feedback: feedback[i] ?? null }));
    });
  }

  async judge(place: string, feedback: string): Promise<boolean> {
    return (await this.redis.run((client) => JUDGE.run(client, [STREAM, FEEDBACK], [place, feedback]))) === 1;
  }
}
