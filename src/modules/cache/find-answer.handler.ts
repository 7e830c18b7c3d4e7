import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { TenantTargets } from '../../common/tenant-targets.js';
import { cacheWish } from './cache-control.js';
import { cacheKey, KeyedHash, policyFingerprint } from './cache-key.js';
import { FindAnswerQuery, type CacheLookup } from './cache.messages.js';
import { MemoryAnswerCache } from './memory-answer-cache.js';

const DISABLED: CacheLookup = Object.freeze({ result: 'DISABLED', answer: null, key: null });
const NOT_STORED: CacheLookup = Object.freeze({ result: 'BYPASS', answer: null, key: null });

@QueryHandler(FindAnswerQuery)
export class FindAnswerHandler implements IQueryHandler<FindAnswerQuery> {
  /** Of this process, as the entries are. */
  private readonly secret = new KeyedHash();
  private readonly policy: () => string;

  constructor(
    private readonly config: LiveConfig,
    private readonly answers: MemoryAnswerCache,
  ) {
    this.policy = config.derived(policyFingerprint);
  }

  async execute({ asked }: FindAnswerQuery): Promise<CacheLookup> {
    const config = this.config.current;
    if (!config.cache.enabled) return DISABLED;
    const wish = cacheWish(asked.cacheControl);
    if (wish === 'no-store') return NOT_STORED;
    const rights = new TenantTargets(config, asked.caller.tenant).ids;
    const { scope } = config.cache;
    const key = cacheKey(this.secret, { ...asked, scope, rights, policy: this.policy() });
    if (wish === 'refresh') return { result: 'BYPASS', answer: null, key };
    const answer = this.answers.get(key);
    return { result: answer ? 'HIT' : 'MISS', answer, key };
  }
}
