import { RedisScript } from '../../../common/redis/redis-connection.js';
import { BUCKET_MS, WINDOW_MS, type WindowState } from '../sliding-window.js';

/**
 * What the scripts share. A user has, all with one hash tag:
 *
 *     KEYS[1] requests, KEYS[2] tokens   hash: 250 ms since 1970 -> "weight last-hit"; a bucket leaves with its last hit
 *     KEYS[3] leases                     sorted set: id -> when it is let go, milliseconds
 *     KEYS[4] leased                     hash: id -> "bucket tokens nano-USD"; `reserved` = sum of the nano-USD,
 *                                        `since` = from when on it knows all leases
 *     KEYS[5] the month's spend          nano-USD
 *
 * ARGV[1] is the time, milliseconds, or empty: Redis tells it then, so that no clocks of replicas are compared. Money is
 * whole nano-USD, so that sums are exact; `digits` writes it without an exponent.
 */
const COMMON = `
  local now = tonumber(ARGV[1])
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  local function digits(n) return string.format('%.0f', n) end
  local function bucketOf(text)
    local weight, last = string.match(text, '^(%S+) (%S+)$')
    return tonumber(weight), tonumber(last)
  end
  local function count(key, weight, at)
    local bucket = digits(math.floor(at / ${BUCKET_MS}))
    local before, last = bucketOf(redis.call('HGET', key, bucket) or '0 0')
    redis.call('HSET', key, bucket, digits(before + weight) .. ' ' .. digits(math.max(last, at)))
    redis.call('PEXPIRE', key, ${WINDOW_MS + BUCKET_MS})
  end
  local bucketNow = math.floor(now / ${BUCKET_MS})
  local function free(id)
    local lease = redis.call('HGET', KEYS[4], id)
    redis.call('ZREM', KEYS[3], id)
    if not lease then return nil end
    local bucket, tokens, nano = string.match(lease, '^(%S+) (%S+) (%S+)$')
    redis.call('HDEL', KEYS[4], id)
    if nano ~= '0' then redis.call('HINCRBY', KEYS[4], 'reserved', '-' .. nano) end
    return bucket, tonumber(tokens)
  end
  local function spent(known)
    return math.max(tonumber(redis.call('GET', KEYS[5]) or '0'), known)
  end
  local function lease(id, bucket, tokens, nano, ttl)
    redis.call('ZADD', KEYS[3], now + ttl, id)
    if redis.call('HSETNX', KEYS[4], id, digits(bucket) .. ' ' .. digits(tokens) .. ' ' .. digits(nano)) == 1 then
      redis.call('HINCRBY', KEYS[4], 'reserved', digits(nano))
    end
    redis.call('HSETNX', KEYS[4], 'since', digits(now))
    redis.call('PEXPIRE', KEYS[3], 2 * ttl)
    redis.call('PEXPIRE', KEYS[4], 2 * ttl)
  end`;

/**
 * ARGV: time, id (empty: nothing but the request is taken), limits (requests, tokens, concurrent, nano-USD; -1 = none), tokens and nano-USD asked for, the spend
 * this replica knows of (Redis may have lost it), milliseconds of the lease. Replies a `ReserveReply` as JSON: the state
 * after the reservation, or the one that refused it.
 */
export const RESERVE = new RedisScript(`${COMMON}
  local function window(key, limit, weight)
    if limit < 0 then return {used = 0, emptyInMs = 0, fitsInMs = 0} end
    local sum, buckets, gone = 0, {}, {}
    local fields = redis.call('HGETALL', key)
    for i = 1, #fields, 2 do
      local used, last = bucketOf(fields[i + 1])
      local ends = last + ${WINDOW_MS}
      if ends <= now then gone[#gone + 1] = fields[i]
      elseif used > 0 then sum = sum + used; buckets[#buckets + 1] = {ends, used} end
    end
    if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
    table.sort(buckets, function(a, b) return a[1] < b[1] end)
    local excess, fitsIn = sum + weight - limit, 0
    for i = 1, #buckets do
      if excess <= 0 then break end
      excess = excess - buckets[i][2]
      fitsIn = buckets[i][1] - now
    end
    if excess > 0 then fitsIn = ${WINDOW_MS} end
    return {used = sum, emptyInMs = #buckets > 0 and buckets[#buckets][1] - now or 0, fitsInMs = fitsIn}
  end
  local function took(state, weight)
    state.used = state.used + weight
    if weight > 0 then state.emptyInMs = ${WINDOW_MS} end
  end

  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, 1000)) do free(id) end
  local maxRequests, maxTokens, maxLeases, maxNano = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
  local tokensAsked, nanoAsked = tonumber(ARGV[7]), tonumber(ARGV[8])
  local requests = window(KEYS[1], maxRequests, 1)
  local tokens = window(KEYS[2], maxTokens, tokensAsked)
  local inFlight = redis.call('ZCARD', KEYS[3])
  local nanoSpent = spent(tonumber(ARGV[9]))
  local nanoReserved = nanoAsked > 0 and tonumber(redis.call('HGET', KEYS[4], 'reserved') or '0') or 0
  local fits = requests.fitsInMs == 0 and tokens.fitsInMs == 0
    and (maxLeases < 0 or inFlight < maxLeases)
    and (maxNano < 0 or nanoSpent + nanoReserved < maxNano)
  if fits then
    if maxRequests >= 0 then count(KEYS[1], 1, now); took(requests, 1) end
    if maxTokens >= 0 then count(KEYS[2], tokensAsked, now); took(tokens, tokensAsked) end
    if ARGV[2] ~= '' then lease(ARGV[2], bucketNow, maxTokens >= 0 and tokensAsked or 0, nanoAsked, tonumber(ARGV[10])) end
  end
  return cjson.encode({letIn = fits, requests = requests, tokens = tokens, inFlight = inFlight,
    spentNano = digits(nanoSpent), reservedNano = digits(nanoReserved)})`);

export interface ReserveReply {
  readonly letIn: boolean;
  readonly requests: WindowState;
  readonly tokens: WindowState;
  readonly inFlight: number;
  /** Nano-USD, as text. */
  readonly spentNano: string;
  readonly reservedNano: string;
}

/**
 * KEYS[6] = mark that the cost of this id is booked: a call whose answer got lost is repeated. ARGV: time, id, tokens
 * used (-1 = unknown), nano-USD of the answer, the spend this replica knows of, milliseconds to keep the spend and the
 * mark. Replies the nano-USD spent.
 */
export const SETTLE = new RedisScript(`${COMMON}
  local bucket, reserved = free(ARGV[2])
  local used = tonumber(ARGV[3])
  if bucket and used >= 0 then
    local overrun = used - reserved
    if overrun > 0 then count(KEYS[2], overrun, now) end
    local counted = overrun < 0 and redis.call('HGET', KEYS[2], bucket)
    if counted then
      local weight, last = bucketOf(counted)
      redis.call('HSET', KEYS[2], bucket, digits(weight + overrun) .. ' ' .. digits(last))
    end
  end
  local cost, sum = tonumber(ARGV[4]), spent(tonumber(ARGV[5]))
  if cost > 0 and redis.call('SET', KEYS[6], '1', 'NX', 'PX', ARGV[7]) then
    sum = sum + cost
    redis.call('SET', KEYS[5], digits(sum), 'PX', ARGV[6])
  end
  return digits(sum)`);

/**
 * ARGV: time, milliseconds of a lease, then of each lease: id, tokens, nano-USD, milliseconds since it was taken, and 1
 * when Redis cannot know it yet. One that is not there was settled, and stays settled; only one that is older than all
 * that Redis remembers, which it has lost then, is put back.
 */
export const RENEW = new RedisScript(`${COMMON}
  local since = tonumber(redis.call('HGET', KEYS[4], 'since') or '')
  for i = 3, #ARGV, 5 do
    local id, taken = ARGV[i], now - tonumber(ARGV[i + 3])
    local known = redis.call('HEXISTS', KEYS[4], id) == 1
    if known or not since or taken < since or ARGV[i + 4] == '1' then
      lease(id, math.floor(taken / ${BUCKET_MS}), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[2]))
    end
  end`);

/**
 * ARGV: time, then milliseconds ago, requests, tokens and id of what a replica let in by itself; with an id it is counted
 * unless its lease is there: the reservation had arrived then.
 */
export const HAND_OVER = new RedisScript(`${COMMON}
  for i = 2, #ARGV, 4 do
    local at, requests, tokens = now - tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
    local arrived = ARGV[i + 3] ~= '' and redis.call('HEXISTS', KEYS[4], ARGV[i + 3]) == 1
    if requests > 0 and not arrived then count(KEYS[1], requests, at) end
    if tokens > 0 and not arrived then count(KEYS[2], tokens, at) end
  end`);
