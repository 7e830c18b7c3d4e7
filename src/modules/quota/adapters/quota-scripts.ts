import { RedisScript } from '../../../common/redis/redis-connection.js';
import { BUCKET_MS, WINDOW_MS } from '../sliding-window.js';

/** More buckets than ever leave at once: the clock was set, or another server took over. */
const TOO_MANY = 1_000;

/**
 * What the scripts share. A user has, all with one hash tag:
 *
 *     KEYS[1] window   hash: 250 ms since 1970 -> "requests tokens last-hit"; a bucket leaves with its last hit. `used` =
 *                      "requests tokens" of all buckets and `oldest` = where they begin, so that a call reads the few
 *                      that leave
 *     KEYS[2] leases   sorted set: id -> when it is let go, milliseconds
 *     KEYS[3] leased   hash: id -> "bucket tokens nano-USD"; `reserved` = sum of the nano-USD, `since` = from when on it
 *                      knows all leases
 *     KEYS[4]          the month's spend, nano-USD
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
  local function bucketOf(at) return math.floor(at / ${BUCKET_MS}) end
  local function read(text)
    local requests, tokens, last = string.match(text or '0 0 0', '^(%S+) (%S+) ?(%S*)$')
    return tonumber(requests), tonumber(tokens), tonumber(last)
  end
  local oldest, requestsUsed, tokensUsed
  local function keep(...)
    redis.call('HSET', KEYS[1], 'oldest', digits(oldest), 'used', digits(requestsUsed) .. ' ' .. digits(tokensUsed), ...)
  end
  local function look()
    local first = bucketOf(now - ${WINDOW_MS})
    oldest = tonumber(redis.call('HGET', KEYS[1], 'oldest') or first)
    if math.abs(first - oldest) > ${TOO_MANY} then redis.call('DEL', KEYS[1]); oldest = first end
    local names = {'used'}
    for bucket = oldest, first do names[#names + 1] = digits(bucket) end
    local found = redis.call('HMGET', KEYS[1], unpack(names))
    requestsUsed, tokensUsed = read(found[1])
    oldest = math.max(oldest, first)
    local gone = {}
    for i = 2, #names do
      local requests, tokens, last = read(found[i])
      if found[i] and last + ${WINDOW_MS} <= now then
        requestsUsed, tokensUsed = requestsUsed - requests, tokensUsed - tokens
        gone[#gone + 1] = names[i]
      end
    end
    if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)); keep() end
  end
  local function count(bucket, requests, tokens, at)
    local before, tokensBefore, last = read(redis.call('HGET', KEYS[1], digits(bucket)))
    requestsUsed, tokensUsed, oldest = requestsUsed + requests, tokensUsed + tokens, math.min(oldest, bucket)
    keep(digits(bucket), digits(before + requests) .. ' ' .. digits(tokensBefore + tokens) .. ' ' .. digits(math.max(last, at)))
    redis.call('PEXPIRE', KEYS[1], ${WINDOW_MS + BUCKET_MS})
  end
  local function free(id)
    local lease = redis.call('HGET', KEYS[3], id)
    redis.call('ZREM', KEYS[2], id)
    if not lease then return nil end
    local bucket, tokens, nano = string.match(lease, '^(%S+) (%S+) (%S+)$')
    redis.call('HDEL', KEYS[3], id)
    if nano ~= '0' then redis.call('HINCRBY', KEYS[3], 'reserved', '-' .. nano) end
    return tonumber(bucket), tonumber(tokens)
  end
  local function spent(known)
    return math.max(tonumber(redis.call('GET', KEYS[4]) or '0'), known)
  end
  local function lease(id, bucket, tokens, nano, ttl)
    redis.call('ZADD', KEYS[2], now + ttl, id)
    if redis.call('HSETNX', KEYS[3], id, digits(bucket) .. ' ' .. digits(tokens) .. ' ' .. digits(nano)) == 1 then
      redis.call('HINCRBY', KEYS[3], 'reserved', digits(nano))
    end
    redis.call('HSETNX', KEYS[3], 'since', digits(now))
    redis.call('PEXPIRE', KEYS[2], 2 * ttl)
    redis.call('PEXPIRE', KEYS[3], 2 * ttl)
  end`;

/**
 * ARGV: time, id (empty: nothing but the request is taken), limits (requests, tokens, concurrent, nano-USD; -1 = none),
 * tokens and nano-USD asked for, the spend this replica knows of (Redis may have lost it), milliseconds of the lease.
 * Replies a `ReserveReply`.
 */
export const RESERVE = new RedisScript(`${COMMON}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1000)) do free(id) end
  local maxRequests, maxTokens, maxLeases, maxNano = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
  local requestsAsked, tokensAsked = maxRequests < 0 and 0 or 1, maxTokens < 0 and 0 or tonumber(ARGV[7])
  look()
  local requestsOver = maxRequests < 0 and 0 or requestsUsed + requestsAsked - maxRequests
  local tokensOver = maxTokens < 0 and 0 or tokensUsed + tokensAsked - maxTokens
  local nanoAsked, inFlight = tonumber(ARGV[8]), redis.call('ZCARD', KEYS[2])
  local nanoSpent = spent(tonumber(ARGV[9]))
  local nanoReserved = nanoAsked > 0 and tonumber(redis.call('HGET', KEYS[3], 'reserved') or '0') or 0
  local fits = requestsOver <= 0 and tokensOver <= 0
    and (maxLeases < 0 or inFlight < maxLeases)
    and (maxNano < 0 or nanoSpent + nanoReserved < maxNano)
  if fits then
    if requestsAsked + tokensAsked > 0 then count(bucketOf(now), requestsAsked, tokensAsked, now) end
    if ARGV[2] ~= '' then lease(ARGV[2], bucketOf(now), tokensAsked, nanoAsked, tonumber(ARGV[10])) end
  end
  local buckets = {}
  if not fits or (tokensAsked == 0 and maxTokens >= 0) then
    local fields = redis.call('HGETALL', KEYS[1])
    for i = 1, #fields, 2 do
      local requests, tokens, last = read(fields[i + 1])
      if last then buckets[#buckets + 1] = {last, requests, tokens} end
    end
    table.sort(buckets, function(a, b) return a[1] < b[1] end)
  end
  local function waits(place, asked, over)
    if fits and asked > 0 then return ${WINDOW_MS}, 0 end
    local emptyIn, fitsIn = 0, 0
    for _, bucket in ipairs(buckets) do
      if bucket[place] > 0 then emptyIn = bucket[1] + ${WINDOW_MS} - now end
      if over > 0 then over, fitsIn = over - bucket[place], emptyIn end
    end
    return emptyIn, over > 0 and ${WINDOW_MS} or fitsIn
  end
  local requestsEmptyIn, requestsFitIn = waits(2, requestsAsked, requestsOver)
  local tokensEmptyIn, tokensFitIn = waits(3, tokensAsked, tokensOver)
  return {fits and 1 or 0, requestsUsed, requestsEmptyIn, requestsFitIn, tokensUsed, tokensEmptyIn, tokensFitIn, inFlight,
    digits(nanoSpent), digits(nanoReserved)}`);

/**
 * The state after the reservation, or the one that refused it. Of requests, and of tokens: what is used in the window,
 * milliseconds until nothing is, milliseconds until what was asked for fits (0 = it does).
 */
export type ReserveReply = readonly [
  letIn: 0 | 1,
  ...requests: [used: number, emptyInMs: number, fitsInMs: number],
  ...tokens: [used: number, emptyInMs: number, fitsInMs: number],
  inFlight: number,
  spentNanoUsd: string,
  reservedNanoUsd: string,
];

/**
 * KEYS[5] = mark that the cost of this id is booked: a call whose answer got lost is repeated. ARGV: time, id, tokens
 * used (-1 = unknown), nano-USD of the answer, the spend this replica knows of, milliseconds to keep the spend and the
 * mark. Replies the nano-USD spent.
 */
export const SETTLE = new RedisScript(`${COMMON}
  local bucket, reserved = free(ARGV[2])
  local overrun = tonumber(ARGV[3]) - (reserved or 0)
  if bucket and ARGV[3] ~= '-1' and overrun ~= 0 then
    look()
    local _, there = read(redis.call('HGET', KEYS[1], digits(bucket)))
    if overrun > 0 then count(bucketOf(now), 0, overrun, now)
    elseif there > 0 then count(bucket, 0, math.max(overrun, -there), 0) end
  end
  local cost, sum = tonumber(ARGV[4]), spent(tonumber(ARGV[5]))
  if cost > 0 and redis.call('SET', KEYS[5], '1', 'NX', 'PX', ARGV[7]) then
    sum = sum + cost
    redis.call('SET', KEYS[4], digits(sum), 'PX', ARGV[6])
  end
  return digits(sum)`);

/**
 * ARGV: time, milliseconds of a lease, then of each lease: id, tokens, nano-USD, milliseconds since it was taken, and 1
 * when Redis cannot know it yet. One that is not there was settled, and stays settled; only one that is older than all
 * that Redis remembers, which it has lost then, is put back.
 */
export const RENEW = new RedisScript(`${COMMON}
  local since = tonumber(redis.call('HGET', KEYS[3], 'since') or '')
  for i = 3, #ARGV, 5 do
    local id, taken = ARGV[i], now - tonumber(ARGV[i + 3])
    local known = redis.call('HEXISTS', KEYS[3], id) == 1
    if known or not since or taken < since or ARGV[i + 4] == '1' then
      lease(id, bucketOf(taken), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[2]))
    end
  end`);

/**
 * ARGV: time, then milliseconds ago, requests, tokens and id of what a replica let in by itself; with an id it is counted
 * unless its lease is there: the reservation had arrived then.
 */
export const HAND_OVER = new RedisScript(`${COMMON}
  look()
  for i = 2, #ARGV, 4 do
    local at = now - tonumber(ARGV[i])
    local arrived = ARGV[i + 3] ~= '' and redis.call('HEXISTS', KEYS[3], ARGV[i + 3]) == 1
    if not arrived and at + ${WINDOW_MS} > now then
      count(bucketOf(at), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), at)
    end
  end`);
