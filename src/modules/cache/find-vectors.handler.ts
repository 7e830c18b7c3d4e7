import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import { TenantTargets } from '../../common/tenant-targets.js';
import { Turn } from '../../common/turn.js';
import { cacheWish } from './cache-control.js';
import { policyFingerprint, vectorKeys } from './cache-key.js';
import { CacheSecret } from './cache-secret.js';
import { FindVectorsQuery, type KeptVector, type VectorLookup, type VectorsAsked } from './cache.messages.js';
import { stateOf } from './kept-answer.js';
import { vectorOf } from './kept-vector.js';
import { MemoryAnswers } from './memory-answers.js';
import { SharedAnswers } from './shared-answers.js';

/** So many are asked of Redis at a time. */
const AT_A_TIME = 64;

@QueryHandler(FindVectorsQuery)
export class FindVectorsHandler implements IQueryHandler<FindVectorsQuery> {
  private readonly policy: () => string;

  constructor(
    private readonly config: LiveConfig,
    private readonly memory: MemoryAnswers,
    private readonly shared: SharedAnswers,
    private readonly secret: CacheSecret,
  ) {
    this.policy = config.derived(policyFingerprint);
  }

  async execute({ asked }: FindVectorsQuery): Promise<VectorLookup> {
    const { cache, models } = this.config.current;
    const none = asked.inputs.map(() => null);
    const nothing = { vectors: none, keys: null, bypass: null };
    const isOn = cache.enabled && models.find(({ name }) => name === asked.askedModel)?.cache !== false;
    if (!isOn) return { ...nothing, result: 'DISABLED' };
    const wish = cacheWish(asked.cacheControl);
    if (wish === 'no-store') return { ...nothing, result: 'BYPASS', bypass: 'no_store' };
    if (!this.secret.isSettled) await this.secret.settled;
    const keys = this.keysOf(asked);
    if (wish === 'refresh') return { vectors: none, keys, result: 'BYPASS', bypass: 'no_cache' };
    const found = await this.find([...new Set(keys)]);
    const vectors = keys.map((key) => found.get(key) ?? null);
    return { vectors, keys, result: vectors.includes(null) ? 'MISS' : 'HIT', bypass: null };
  }

  private keysOf(asked: VectorsAsked): string[] {
    const config = this.config.current;
    const rights = new TenantTargets(config, asked.caller.tenant).ids;
    const parts = { ...asked, scope: config.cache.scope, rights, policy: this.policy() };
    return vectorKeys(this.secret.current, parts, asked.inputs);
  }

  /** @param keys each once */
  private async find(keys: readonly string[]): Promise<Map<string, KeptVector | null>> {
    const found = new Map<string, KeptVector | null>();
    const turn = new Turn();
    for (const key of keys) {
      found.set(key, this.inMemory(key));
      if (turn.isOver) await turn.next();
    }
    if (!this.shared.configured) return found;
    const missing = keys.filter((key) => found.get(key) === null);
    for (let from = 0; from < missing.length; from += AT_A_TIME) {
      const some = missing.slice(from, from + AT_A_TIME);
      const read = await Promise.all(some.map((key) => this.inRedis(key)));
      for (const [i, key] of some.entries()) found.set(key, read[i]!);
    }
    return found;
  }

  private inMemory(key: string): KeptVector | null {
    const kept = this.memory.get(key);
    const now = Date.now();
    return kept && stateOf(kept, now) === 'HIT' ? vectorOf(kept, now) : null;
  }

  private async inRedis(key: string): Promise<KeptVector | null> {
    const beganAt = performance.now();
    const kept = await ifAvailable(() => this.shared.read(key), null);
    const now = Date.now();
    if (!kept || stateOf(kept, now) !== 'HIT') return null;
    return this.memory.take(key, kept, beganAt, this.shared.nameOf(key)) ? vectorOf(kept, now) : null;
  }
}
