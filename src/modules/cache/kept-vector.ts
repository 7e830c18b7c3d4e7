import type { RouterConfig } from '../../common/config/config.schema.js';
import { numbersOf } from '../../common/embeddings.js';
import { isFields } from '../../common/json/fields.js';
import { readableJson } from '../../common/json/readable.js';
import { countOf, estimatedUsage } from '../../common/usage.js';
import type { KeptVector, MadeVector, VectorsToKeep } from './cache.messages.js';
import { freshMsOf, KeptAnswer } from './kept-answer.js';

const MS_PER_SECOND = 1000;

/**
 * A vector as an entry of the cache, where it is kept, shared and forgotten as answers are. It is worth keeping until it is
 * fresh no more: it never changes, and nobody renews it.
 *
 * @param now epoch milliseconds @param random 0 to 1 @returns `null` when it is too large
 */
export function keptVector(
  { vector, target, tier, model, tokens, costUsd, tookMs }: MadeVector,
  { caller, askedModel }: Pick<VectorsToKeep, 'caller' | 'askedModel'>,
  cache: RouterConfig['cache'],
  now: number,
  random: number,
): KeptAnswer | null {
  const text = JSON.stringify({ vector });
  if (text.length > cache.maxEntryBytes) return null;
  const usage = JSON.stringify(estimatedUsage(tokens, 0));
  return new KeptAnswer({
    ...{ text, target, tier, model, usage, costUsd, tookMs, askedModel },
    tenant: caller.tenant,
    sessionId: null,
    at: now,
    freshMs: freshMsOf(cache, random),
    staleMs: 0,
  });
}

/** @param now epoch milliseconds @returns `null` when the entry is none */
export function vectorOf(kept: KeptAnswer, now: number): KeptVector | null {
  const vector = vectorIn(kept.text);
  if (vector === null) return null;
  const { target, tier, model, usage, costUsd, tookMs, at } = kept;
  const counted = usage === null ? null : readableJson(usage);
  const tokens = (isFields(counted) ? countOf(counted['prompt_tokens']) : null) ?? 0;
  const ageSeconds = Math.max(0, Math.floor((now - at) / MS_PER_SECOND));
  return { vector, target, tier, model, tokens, costUsd, tookMs, ageSeconds };
}

/** Base64 of what `keptVector` wrote; `null` = it is something else. */
export function vectorIn(text: string): string | null {
  const json = readableJson(text);
  const vector = isFields(json) ? json['vector'] : null;
  return typeof vector === 'string' && numbersOf(vector) !== null ? vector : null;
}
