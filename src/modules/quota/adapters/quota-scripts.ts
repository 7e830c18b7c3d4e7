import { RedisScript } from '../../../common/redis/redis-connection.js';
import { BUCKET_MS, WINDOW_MS } from '../sliding-window.js';
import { BUDGET_THRESHOLDS } from '../quota.messages.js';

/** More buckets than ever leave at once: the clock was set, or another server took over. */
const TOO_MANY = 1_000;

/**
 * What the scripts share. An account has four keys, and all accounts of a call one hash tag:
 *
 *     window   hash: 250 ms since 1970 -> "requests tokens last-hit"; a bucket leaves with its last hit. `used` =
 *              "requests tokens" of all buckets and `oldest` = where they begin, so that a call reads the few
 *              that leave
 *     leases   sorted set: id -> when it is let go, milliseconds
 *     leased   hash: id -> "bucket tokens nano-USD"; `reserved` = sum of the nano-USD, `since` = from when on it
 *              knows all leases
 *     usd      the month's spend, nano-USD
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
  local function account(i)
    return {window = KEYS[4 * i - 3], leases = KEYS[4 * i - 2], leased = KEYS[4 * i - 1], usd = KEYS[4 * i]}
  end
  local function keep(a, ...)
    redis.call('HSET', a.window, 'oldest', digits(a.oldest), 'used', digits(a.requests) .. ' ' .. digits(a.tokens), ...)
  end
  local function look(a)
    local first = bucketOf(now - ${WINDOW_MS})
    a.oldest = tonumber(redis.call('HGET', a.window, 'oldest') or first)
    if math.abs(first - a.oldest) > ${TOO_MANY} then redis.call('DEL', a.window); a.oldest = first end
    local names = {'used'}
    for bucket = a.oldest, first do names[#names + 1] = digits(bucket) end
    local found = redis.call('HMGET', a.window, unpack(names))
    a.requests, a.tokens = read(found[1])
    a.oldest = math.max(a.oldest, first)
    local gone = {}
    for i = 2, #names do
      local requests, tokens, last = read(found[i])
      if found[i] and last + ${WINDOW_MS} <= now then
        a.requests, a.tokens = a.requests - requests, a.tokens - tokens
        gone[#gone + 1] = names[i]
      end
    end
    if #gone > 0 then redis.call('HDEL', a.window, unpack(gone)); keep(a) end
  end
  local function count(a, bucket, requests, tokens, at)
    local before, tokensBefore, last = read(redis.call('HGET', a.window, digits(bucket)))
    a.requests, a.tokens, a.oldest = a.requests + requests, a.tokens + tokens, math.min(a.oldest, bucket)
    keep(a, digits(bucket), digits(before + requests) .. ' ' .. digits(tokensBefore + tokens) .. ' ' .. digits(math.max(last, at)))
    redis.call('PEXPIRE', a.window, ${WINDOW_MS + BUCKET_MS})
  end
  local function free(a, id)
    local lease = redis.call('HGET', a.leased, id)
    redis.call('ZREM', a.leases, id)
    if not lease then return nil end
    local bucket, tokens, nano = string.match(lease, '^(%S+) (%S+) (%S+)$')
    redis.call('HDEL', a.leased, id)
    if nano ~= '0' then redis.call('HINCRBY', a.leased, 'reserved', '-' .. nano) end
    return tonumber(bucket), tonumber(tokens)
  end
  local function spent(a, known)
    return math.max(tonumber(redis.call('GET', a.usd) or '0'), known)
  end
  local function lease(a, id, bucket, tokens, nano, ttl)
    redis.call('ZADD', a.leases, now + ttl, id)
    if redis.call('HSETNX', a.leased, id, digits(bucket) .. ' ' .. digits(tokens) .. ' ' .. digits(nano)) == 1 then
      redis.call('HINCRBY', a.leased, 'reserved', digits(nano))
    end
    redis.call('HSETNX', a.leased, 'since', digits(now))
    redis.call('PEXPIRE', a.leases, 2 * ttl)
    redis.call('PEXPIRE', a.leased, 2 * ttl)
  end`;

/**
 * KEYS: four of each account. ARGV: time, id (empty: nothing but the request is taken; one that has a lease takes nothing more), nano-USD asked for, milliseconds of
 * the lease; then of each account its limits (requests, tokens, concurrent, nano-USD; -1 = none), tokens asked for, and the
 * spend this replica knows of (Redis may have lost it). Taken is from all accounts or from none. Replies a `ReserveReply`.
 */
export const RESERVE = new RedisScript(`${COMMON}
  local id, nanoAsked, ttl = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
  -- a call whose answer got lost is sent again
  local again = id ~= '' and redis.call('HEXISTS', KEYS[3], id) == 1
  local all, fits = {}, true
  for i = 1, #KEYS / 4 do
    local a, at = account(i), 4 + 6 * (i - 1)
    a.maxRequests, a.maxTokens = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local maxLeases, maxNano = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    for _, old in ipairs(redis.call('ZRANGEBYSCORE', a.leases, '-inf', now, 'LIMIT', 0, 1000)) do free(a, old) end
    a.requestsAsked = (again or a.maxRequests < 0) and 0 or 1
    a.tokensAsked = (again or a.maxTokens < 0) and 0 or tonumber(ARGV[at + 5])
    look(a)
    a.requestsOver = a.maxRequests < 0 and 0 or a.requests + a.requestsAsked - a.maxRequests
    a.tokensOver = a.maxTokens < 0 and 0 or a.tokens + a.tokensAsked - a.maxTokens
    a.inFlight, a.spent = redis.call('ZCARD', a.leases), spent(a, tonumber(ARGV[at + 6]))
    a.reserved = nanoAsked > 0 and tonumber(redis.call('HGET', a.leased, 'reserved') or '0') or 0
    fits = fits and a.requestsOver <= 0 and a.tokensOver <= 0
      and (maxLeases < 0 or a.inFlight < maxLeases)
      and (maxNano < 0 or a.spent + a.reserved < maxNano)
    all[i] = a
  end
  fits = fits or again
  local reply = {fits and 1 or 0}
  for i, a in ipairs(all) do
    if fits and not again then
      if a.requestsAsked + a.tokensAsked > 0 then count(a, bucketOf(now), a.requestsAsked, a.tokensAsked, now) end
      if id ~= '' then lease(a, id, bucketOf(now), a.tokensAsked, nanoAsked, ttl) end
    end
    local buckets = {}
    if not fits or (a.tokensAsked == 0 and a.maxTokens >= 0) then
      local fields = redis.call('HGETALL', a.window)
      for n = 1, #fields, 2 do
        local requests, tokens, last = read(fields[n + 1])
        if last then buckets[#buckets + 1] = {last, requests, tokens} end
      end
      table.sort(buckets, function(one, other) return one[1] < other[1] end)
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
    local requestsEmptyIn, requestsFitIn = waits(2, a.requestsAsked, a.requestsOver)
    local tokensEmptyIn, tokensFitIn = waits(3, a.tokensAsked, a.tokensOver)
    reply[i + 1] = {a.requests, requestsEmptyIn, requestsFitIn, a.tokens, tokensEmptyIn, tokensFitIn, a.inFlight,
      digits(a.spent), digits(a.reserved)}
  end
  return reply`);

/**
 * The state of each account after the reservation, or the one that refused it. Of requests, and of tokens: what is used in
 * the window, milliseconds until nothing is, milliseconds until what was asked for fits (0 = it does).
 */
export type ReserveReply = readonly [letIn: 0 | 1, ...accounts: AccountReply[]];

/** See `ReserveReply`. */
export type AccountReply = readonly [
  ...requests: [used: number, emptyInMs: number, fitsInMs: number],
  ...tokens: [used: number, emptyInMs: number, fitsInMs: number],
  inFlight: number,
  spentNanoUsd: string,
  reservedNanoUsd: string,
];

/**
 * KEYS: four of each account, the mark that the cost of this id is booked (a call whose answer got lost is repeated), and of
 * each account the hash of the thresholds that it has reached in the month, "share of nano-USD" -> id that was the first.
 * ARGV: time, id, tokens used (-1 = unknown), nano-USD of the answer, milliseconds to keep the spend and the mark; then of
 * each account whether its tokens are limited, its budget in nano-USD (-1 = none), and the spend this replica knows of.
 * Replies a `SettleReply`.
 */
export const SETTLE = new RedisScript(`${COMMON}
  local id, used, cost = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
  local accounts = (#KEYS - 1) / 5
  local isNew = cost > 0 and redis.call('SET', KEYS[4 * accounts + 1], '1', 'NX', 'PX', ARGV[6])
  local reply = {}
  for i = 1, accounts do
    local a, at = account(i), 6 + 3 * (i - 1)
    local bucket, reserved = free(a, id)
    local overrun = used - (reserved or 0)
    if bucket and ARGV[at + 1] == '1' and used >= 0 and overrun ~= 0 then
      look(a)
      local _, there = read(redis.call('HGET', a.window, digits(bucket)))
      if overrun > 0 then count(a, bucketOf(now), 0, overrun, now)
      elseif there > 0 then count(a, bucket, 0, math.max(overrun, -there), 0) end
    end
    local budget = tonumber(ARGV[at + 2])
    local sum = budget < 0 and 0 or spent(a, tonumber(ARGV[at + 3]))
    if isNew and budget >= 0 then
      sum = sum + cost
      redis.call('SET', a.usd, digits(sum), 'PX', ARGV[5])
    end
    reply[i] = {digits(sum)}
    for n, threshold in ipairs({${BUDGET_THRESHOLDS.join(', ')}}) do
      if budget > 0 and sum >= threshold * budget then
        local told = KEYS[4 * accounts + 1 + i]
        local what = threshold .. ' of ' .. digits(budget)
        redis.call('HSETNX', told, what, id)
        reply[i][n + 1] = redis.call('HGET', told, what) == id and 1 or 0
        redis.call('PEXPIRE', told, ARGV[5])
      else
        reply[i][n + 1] = 0
      end
    end
  end
  return reply`);

/** Of each account the nano-USD spent, and of each threshold whether it is reached for the first time. */
export type SettleReply = readonly (readonly [spentNanoUsd: string, ...first: (0 | 1)[]])[];

/**
 * KEYS: four of one account. ARGV: time, milliseconds of a lease, then of each lease: id, tokens, nano-USD, milliseconds
 * since it was taken, and 1 when Redis cannot know it yet. One that is not there was settled, and stays settled; only one
 * that is older than all that Redis remembers, which it has lost then, is put back.
 */
export const RENEW = new RedisScript(`${COMMON}
  local a = account(1)
  local since = tonumber(redis.call('HGET', a.leased, 'since') or '')
  for i = 3, #ARGV, 5 do
    local id, taken = ARGV[i], now - tonumber(ARGV[i + 3])
    local known = redis.call('HEXISTS', a.leased, id) == 1
    if known or not since or taken < since or ARGV[i + 4] == '1' then
      lease(a, id, bucketOf(taken), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[2]))
    end
  end`);

/**
 * KEYS: four of one account, and the mark that this was handed over: a call whose answer got lost is repeated. ARGV: time,
 * then milliseconds ago, requests, tokens and id of what a replica let in by itself; with an id it is counted unless its
 * lease is there: the reservation had arrived then.
 */
export const HAND_OVER = new RedisScript(`${COMMON}
  if not redis.call('SET', KEYS[5], '1', 'NX', 'PX', ${2 * WINDOW_MS}) then return end
  local a = account(1)
  look(a)
  for i = 2, #ARGV, 4 do
    local at = now - tonumber(ARGV[i])
    local arrived = ARGV[i + 3] ~= '' and redis.call('HEXISTS', a.leased, ARGV[i + 3]) == 1
    if not arrived and at + ${WINDOW_MS} > now then
      count(a, bucketOf(at), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), at)
    end
  end`);
