import { randomUUID } from 'node:crypto';
import { type RedisConnection, RedisScript } from '../../../common/redis/redis-connection.js';
import type { ProbeClaim } from '../target-breakers.js';

/** One hash tag, so that a cluster keeps all of them on one node and one pipeline reads them. */
const keyOf = (target: string): string => `{breakers}:${target}`;
const restKeyOf = (target: string): string => `{breakers}:rest:${target}`;
const leaseKeyOf = (target: string): string => `{breakers}:probe:${target}`;
/** A replica that dies with its probe holds the others up so long. */
const LEASE_MS = 30_000;
const CLOSED_FOR_MS = 10_000;
/** An entry ends a little later than the wait of the replica that wrote it, which then must not find itself locked out. */
const OVERLAP_MS = 100;

/**
 * KEYS: entry, lease. ARGV: milliseconds of the lease, its name. Answers milliseconds until the next probe is due; 0 = the lease is
 * the caller's; -1 = it is somebody else's.
 */
const CLAIM = new RedisScript(`
local entry = redis.call('GET', KEYS[1])
if entry and string.sub(entry, 1, 4) == 'open' then
  local left = redis.call('PTTL', KEYS[1])
  if left > ${OVERLAP_MS} then return left end
end
if redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[1]) then return 0 end
return -1
`);

/** KEYS: lease. ARGV: its name. Ends it unless it is another one by now. */
const RELEASE = new RedisScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`);

/** What the other replicas found out about a target. */
export interface TargetFindings {
  readonly breaker:
    | { readonly state: 'open'; readonly leftMs: number; readonly probes: number }
    | { readonly state: 'closed'; readonly agoMs: number }
    | null;
  /** Milliseconds of rest that the target asked for; 0 = none. */
  readonly restMs: number;
}

/** Breaker states and rests in Redis. Times are kept as times to live, so that no clocks are compared. */
export class RedisBreakerStore {
  constructor(private readonly redis: RedisConnection) {}

  /** @param openMs until the next probe @param probes so far; this one is over @throws StoreUnavailable */
  async postOpen(target: string, openMs: number, probes: number): Promise<void> {
    await this.post(target, `open ${probes}`, openMs);
  }

  /** The target is well again; told for 10 s, which every replica sees. @throws StoreUnavailable */
  async postClosed(target: string): Promise<void> {
    await this.post(target, 'closed', CLOSED_FOR_MS);
  }

  /** @throws StoreUnavailable */
  async postRest(target: string, ms: number): Promise<void> {
    await this.redis.run((client) => client.set(restKeyOf(target), '1', 'PX', Math.ceil(ms)));
  }

  /** Asks for the right to probe. @throws StoreUnavailable */
  async claimProbe(target: string): Promise<ProbeClaim> {
    const [lease, keys] = [randomUUID(), [keyOf(target), leaseKeyOf(target)]];
    const waitMs = Number(await this.redis.run((client) => CLAIM.run(client, keys, [LEASE_MS, lease])));
    return { waitMs: waitMs < 0 ? null : waitMs, lease: waitMs === 0 ? lease : null };
  }

  /** Gives the right to probe back. @throws StoreUnavailable */
  async releaseProbe(target: string, lease: string): Promise<void> {
    await this.redis.run((client) => RELEASE.run(client, [leaseKeyOf(target)], [lease]));
  }

  /** Entries by target. @throws StoreUnavailable */
  async read(targets: readonly string[]): Promise<Map<string, TargetFindings>> {
    if (targets.length === 0) return new Map();
    const replies = await this.redis.run((client) => {
      const pipeline = client.pipeline();
      for (const target of targets) pipeline.get(keyOf(target)).pttl(keyOf(target)).pttl(restKeyOf(target));
      return pipeline.exec();
    });
    const found = targets.map((target, i): [string, TargetFindings] => {
      const [state, leftMs, restMs] = (replies ?? []).slice(3 * i, 3 * i + 3).map(([, reply]) => reply);
      const breaker = breakerOf(typeof state === 'string' ? state : '', Number(leftMs));
      return [target, { breaker, restMs: Math.max(0, Number(restMs)) }];
    });
    return new Map(found);
  }

  private async post(target: string, value: string, ms: number): Promise<void> {
    await this.redis.run((client) =>
      client
        .multi()
        .set(keyOf(target), value, 'PX', Math.max(1, Math.round(ms)))
        .del(leaseKeyOf(target))
        .exec(),
    );
  }
}

function breakerOf(value: string, leftMs: number): TargetFindings['breaker'] {
  if (leftMs <= 0) return null;
  const [state, probes] = value.split(' ');
  if (state === 'open') return leftMs > OVERLAP_MS ? { state, leftMs, probes: Number(probes) || 0 } : null;
  return state === 'closed' ? { state, agoMs: CLOSED_FOR_MS - leftMs } : null;
}
