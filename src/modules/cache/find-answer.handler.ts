import { QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { ChatRequest } from '../../common/chat.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { isToolCallOpen, type HistoryTurn } from '../../common/conversation.js';
import { TenantTargets } from '../../common/tenant-targets.js';
import { PolicyVersionQuery } from '../router/router.messages.js';
import { cacheWish } from './cache-control.js';
import { cacheKey, policyFingerprint } from './cache-key.js';
import { CacheSecret } from './cache-secret.js';
import { FindAnswerQuery, type AnswerLookup, type CacheLookup } from './cache.messages.js';
import { ReplayableAnswer, stateOf } from './kept-answer.js';
import { MemoryAnswers } from './memory-answers.js';

const NOTHING = { answer: null, key: null, isShared: false, bypass: null } as const;
const DISABLED: CacheLookup = Object.freeze({ ...NOTHING, result: 'DISABLED' });
const NO_STORE: CacheLookup = Object.freeze({ ...NOTHING, result: 'BYPASS', bypass: 'no_store' });

@QueryHandler(FindAnswerQuery)
export class FindAnswerHandler implements IQueryHandler<FindAnswerQuery> {
  private readonly policy: () => string;
  private readonly switchedOff: () => ReadonlySet<string>;
  /** Of what decides; asked once. */
  private decides: string | null = null;

  constructor(
    private readonly config: LiveConfig,
    private readonly memory: MemoryAnswers,
    private readonly secret: CacheSecret,
    private readonly queries: QueryBus,
  ) {
    this.policy = config.derived(policyFingerprint);
    this.switchedOff = config.derived(namesWithoutCache);
  }

  async execute({ asked }: FindAnswerQuery): Promise<CacheLookup> {
    const { request, turns, cacheControl } = asked;
    const config = this.config.current;
    if (!config.cache.enabled || this.switchedOff().has(request.model)) return DISABLED;
    const wish = cacheWish(cacheControl);
    if (wish === 'no-store') return NO_STORE;
    if (!this.secret.isSettled) await this.secret.settled;
    this.decides ??= await this.queries.execute(new PolicyVersionQuery());
    const key = this.keyOf(asked, config, this.decides);
    if (wish === 'refresh') return { ...NOTHING, result: 'BYPASS', bypass: 'no_cache', key };
    const now = Date.now();
    const kept = this.memory.get(key);
    const state = kept && stateOf(kept, now);
    if (kept && state) return { ...NOTHING, result: state, answer: new ReplayableAnswer(kept, now), key };
    return { ...NOTHING, result: 'MISS', key, isShared: isShareable(request, turns) };
  }

  private keyOf(asked: AnswerLookup, config: RouterConfig, decides: string): string {
    const rights = new TenantTargets(config, asked.caller.tenant).ids;
    const policy = `${decides} ${this.policy()}`;
    return cacheKey(this.secret.current, { ...asked, scope: config.cache.scope, rights, policy });
  }
}

const namesWithoutCache = ({ models }: RouterConfig): ReadonlySet<string> =>
  new Set(models.flatMap(({ name, cache }) => (cache ? [] : [name])));

/**
 * Whether one answer does for all who ask this meanwhile. Several choices at a temperature are asked for to be different each
 * time, and the results of tools belong to one loop.
 */
function isShareable(request: ChatRequest, turns: readonly HistoryTurn[]): boolean {
  const draws = (request.n ?? 1) > 1 && request['temperature'] !== 0;
  return !draws && !isToolCallOpen(request, turns);
}
