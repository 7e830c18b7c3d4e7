import type { Caller, CallerLimits } from '../../common/caller.js';

/**
 * A caller that a credential stands for; made once, frozen, used by all its requests.
 *
 * @param general of the configuration, which holds more than limits: nothing else of it goes along
 * @param own replaces the general ones, field by field
 */
export function knownCaller(
  { tenant, user, scopes }: Omit<Caller, 'limits'>,
  general: CallerLimits,
  own: Partial<CallerLimits> = {},
): Caller {
  const { requestsPerMinute, tokensPerMinute, concurrent, usdPerMonth } = { ...general, ...own };
  const limits = Object.freeze({ requestsPerMinute, tokensPerMinute, concurrent, usdPerMonth } as CallerLimits);
  return Object.freeze({ tenant, user, scopes: Object.freeze([...scopes]), limits });
}
