import { hashTag, RedisScript, type RedisConnection } from '../../../common/redis/redis-connection.js';
import { BoundedMap } from '../../../common/bounded-map.js';
import type { SessionKey } from '../../../common/session-id.js';
import type { Forgotten } from '../forgotten.js';
import { guardedTextStore, type TextStore } from './guarded-text-store.js';

/** On the same node of a cluster as its lease. */
const answerKeyOf = (name: string): string => `cache:answer:{${name}}`;

/**
 * Where it is written down which entries there are: sorted sets whose scores are the ends of their members' lives, so that
 * what has expired leaves them. All of a tenant on one node of a cluster.
 */
const TENANTS = '{cache}:tenants';
const modelsKeyOf = (tenant: string): string => `${hashTag('cache', tenant)}:models`;
const modelKeyOf = (tenant: string, model: string): string => `${hashTag('cache', tenant)}:model:${model}`;
const sessionKeyOf = ({ tenant, sessionId }: SessionKey): string => `${hashTag('cache', tenant)}:session:${sessionId}`;

/**
 * KEYS: sets. ARGV: milliseconds that the entry lives, then the member for each set. Replies whether the first set had not had
 * its member. What somebody else has put there under these names goes.
 */
const ENTER = new RedisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl = tonumber(ARGV[1])
local isNew = 0
for i, key in ipairs(KEYS) do
  local swept = redis.pcall('ZREMRANGEBYSCORE', key, '-inf', now)
  if type(swept) == 'table' and swept.err then redis.call('DEL', key) end
  local added = redis.call('ZADD', key, 'GT', now + ttl, ARGV[1 + i])
  if i == 1 then isNew = added end
  if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, ttl) end
end
return isNew
`);

/** Names that are deleted together, so that Redis answers others in between. */
const PAGE = 500;
/** How long a replica trusts that the list of tenants has one, milliseconds. */
const TENANT_KNOWN_MS = 10_000;
/** Lives differ by 10 %. */
const TENANT_LONGER = 1.2;
const MOST_TENANTS_KNOWN = 10_000;

/** Whose an entry is. */
export interface EntryOwner {
  readonly tenant: string;
  readonly askedModel: string;
  readonly sessionId: string | null;
}

/**
 * Sealed answers in Redis by their names, and who has which. Every method rejects with `StoreUnavailable` while Redis cannot
 * be used.
 */
export class RedisAnswerStore {
  private store: Promise<TextStore> | null = null;
  /** Until when the list of tenants has one, and when it was put there; `performance.now()` milliseconds. */
  private readonly tenantsKnown = new BoundedMap<string, { readonly until: number; readonly at: number }>(
    MOST_TENANTS_KNOWN,
  );
  private readonly refused = new Set<string>();

  constructor(private readonly redis: RedisConnection) {}

  /** @returns `null` = there is none; `foreign`: what stands there is no text of ours */
  async read(name: string): Promise<{ readonly text: string } | 'foreign' | null> {
    const text = await (await this.open()).get(answerKeyOf(name));
    if (text !== undefined) return { text };
    return this.refused.delete(answerKeyOf(name)) ? 'foreign' : null;
  }

  async write(name: string, text: string, ttlMs: number): Promise<void> {
    await (await this.open()).set(answerKeyOf(name), text, ttlMs);
  }

  async remove(name: string): Promise<void> {
    await (await this.open()).del(answerKeyOf(name));
  }

  /** Writes down whose it is. */
  async enter(name: string, ttlMs: number, { tenant, askedModel, sessionId }: EntryOwner): Promise<void> {
    const keys = [modelsKeyOf(tenant), modelKeyOf(tenant, askedModel)];
    const members = [askedModel, name];
    if (sessionId !== null) {
      keys.push(sessionKeyOf({ tenant, sessionId }));
      members.push(name);
    }
    const isNew = await this.redis.run((client) => ENTER.run(client, keys, [ttlMs, ...members]));
    await this.enterTenant(tenant, ttlMs, isNew === 1);
  }

  /** @returns how many entries there were */
  async forget(what: Forgotten): Promise<number> {
    if ('sessionId' in what) return this.empty(sessionKeyOf(what));
    const tenants = what.tenant === null ? await this.members(TENANTS) : [what.tenant];
    let count = 0;
    for (const tenant of tenants) {
      const models = what.model === null ? await this.members(modelsKeyOf(tenant)) : [what.model];
      for (const model of models) count += await this.empty(modelKeyOf(tenant, model));
    }
    return count;
  }

  private open(): Promise<TextStore> {
    return (this.store ??= guardedTextStore(this.redis, (name) => this.refused.add(name)));
  }

  /**
   * It stays for longer than its entries, so that it need not be entered with each of them.
   *
   * @param isNew whether Redis knew nothing of the tenant's model: it may have lost everything
   */
  private async enterTenant(tenant: string, ttlMs: number, isNew: boolean): Promise<void> {
    const now = performance.now();
    const known = this.tenantsKnown.get(tenant);
    if (!isNew && known && known.until >= now + ttlMs && now - known.at < TENANT_KNOWN_MS) return;
    const longerMs = Math.ceil(ttlMs * TENANT_LONGER) + TENANT_KNOWN_MS;
    await this.redis.run((client) => ENTER.run(client, [TENANTS], [longerMs, tenant]));
    this.tenantsKnown.set(tenant, { until: now + longerMs, at: now });
  }

  private members(key: string, most = 0): Promise<string[]> {
    return this.redis.run((client) => client.zrange(key, 0, most - 1).catch(noSet));
  }

  /** Deletes the entries of a set, and takes them out of it. */
  private async empty(key: string): Promise<number> {
    let count = 0;
    for (;;) {
      const names = await this.members(key, PAGE);
      if (names.length === 0) return count;
      // one by one: on a cluster they are on different nodes
      const gone = await this.redis.run((client) => Promise.all(names.map((name) => client.del(answerKeyOf(name)))));
      await this.redis.run((client) => client.zrem(key, ...names));
      for (const deleted of gone) count += deleted;
    }
  }
}

/** Something else than a set of ours stands under the name: nothing can be found by it. */
function noSet(error: Error): string[] {
  if (error.message.startsWith('WRONGTYPE')) return [];
  throw error;
}
