import { randomUUID } from 'node:crypto';
import { completionIn, exactCompletion } from '../../common/answer-shape.js';
import type { ChatFrame, Completion } from '../../common/chat.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { readableJson } from '../../common/json/readable.js';
import type { Tier } from '../../common/target.js';
import { readUsage, type Usage } from '../../common/usage.js';
import type { GeneratedAnswer } from '../chat/chat.messages.js';
import type { CachedAnswer } from './cache.messages.js';

/** Share of the lifetime by which entries differ, so that those kept together do not expire together. */
const TTL_JITTER = 0.1;
const MS_PER_SECOND = 1000;

/**
 * Reasons that mean the model said all it wanted. `length` is a cut answer, `content_filter` a censored one; unknown
 * reasons are not trusted.
 */
const COMPLETE: ReadonlySet<unknown> = new Set(['stop', 'tool_calls', 'function_call']);

/**
 * An answer as it is kept: texts and numbers, parsed anew by each who wants more than to hand it on. A class of its
 * own: V8 takes note of the literals whose objects live on, and has what is written beside them live on as well
 * (docs/adr/0020).
 */
export class KeptAnswer {
  /** JSON of the `chat.completion` without `id` and `created`: every replay has its own. */
  readonly text: string;
  readonly target: string;
  readonly tier: Tier;
  /** As the model server names it. */
  readonly model: string;
  /** As JSON; `null` = unknown. */
  readonly usage: string | null;
  /** USD; `null` = unknown. */
  readonly costUsd: number | null;
  readonly tookMs: number;
  /** Who asked first, for which model name, and in which session: by these it is forgotten. */
  readonly tenant: string;
  readonly askedModel: string;
  readonly sessionId: string | null;
  /** When it was complete, epoch milliseconds. */
  readonly at: number;
  /** How long it is given, and after that given while it is renewed; milliseconds. */
  readonly freshMs: number;
  readonly staleMs: number;

  constructor(answer: KeptParts) {
    this.text = answer.text;
    this.target = answer.target;
    this.tier = answer.tier;
    this.model = answer.model;
    this.usage = answer.usage;
    this.costUsd = answer.costUsd;
    this.tookMs = answer.tookMs;
    this.tenant = answer.tenant;
    this.askedModel = answer.askedModel;
    this.sessionId = answer.sessionId;
    this.at = answer.at;
    this.freshMs = answer.freshMs;
    this.staleMs = answer.staleMs;
  }
}

/** What one is made of. */
export type KeptParts = { readonly [field in keyof KeptAnswer]: KeptAnswer[field] };

/**
 * The answer of a generation as it may be given again, or `null` when it must not be: kept are whole, real answers, every
 * choice of which came to a good end.
 *
 * @param now epoch milliseconds @param random 0 to 1
 */
export function keptAnswer(
  { completion, route, usage, costUsd, tookMs, caller, askedModel, sessionId }: GeneratedAnswer,
  { ttlSeconds, staleSeconds, maxEntryBytes }: RouterConfig['cache'],
  now: number,
  random: number,
): KeptAnswer | null {
  if (!completion || !route || route.simulated || !isComplete(completion.json)) return null;
  const { id: _, created: __, ...rest } = exactCompletion(completion);
  const text = JSON.stringify(rest);
  if (Buffer.byteLength(text) > maxEntryBytes) return null;
  const { target, tier, model } = route;
  return new KeptAnswer({
    text,
    target,
    tier,
    model,
    usage: usage && JSON.stringify(usage),
    costUsd,
    tookMs,
    tenant: caller.tenant,
    askedModel,
    sessionId,
    at: now,
    freshMs: freshMsOf({ ttlSeconds }, random),
    staleMs: staleSeconds * MS_PER_SECOND,
  });
}

/** How long an entry is given, milliseconds. @param random 0 to 1 */
export const freshMsOf = ({ ttlSeconds }: Pick<RouterConfig['cache'], 'ttlSeconds'>, random: number): number =>
  Math.round(ttlSeconds * MS_PER_SECOND * (1 - TTL_JITTER * random));

/** Whether there is an answer, every choice of it came to a good end and nothing tells of an error. */
function isComplete({ error, choices }: Completion): boolean {
  if (error || !choices?.length) return false;
  return choices.every(({ finish_reason }) => COMPLETE.has(finish_reason));
}

/** Clocks of replicas may be apart: what seems to come from the future is as young as can be. */
const ageMs = ({ at }: KeptAnswer, now: number): number => Math.max(0, now - at);

/** @param now epoch milliseconds @returns `null` = past all use */
export function stateOf(kept: KeptAnswer, now: number): 'HIT' | 'STALE' | null {
  const leftMs = leftMsOf(kept, now);
  if (leftMs <= 0) return null;
  return leftMs > kept.staleMs ? 'HIT' : 'STALE';
}

/** How long it may still be given, fresh or stale, milliseconds. */
export const leftMsOf = (kept: KeptAnswer, now: number): number => kept.freshMs + kept.staleMs - ageMs(kept, now);

/** A kept answer as it is given once more. */
export class ReplayableAnswer implements CachedAnswer {
  readonly simulated = false;
  readonly ageSeconds: number;

  /** @param now epoch milliseconds */
  constructor(
    private readonly kept: KeptAnswer,
    private readonly now: number,
  ) {
    this.ageSeconds = Math.floor(ageMs(kept, now) / MS_PER_SECOND);
  }

  get target(): string {
    return this.kept.target;
  }

  get tier(): Tier {
    return this.kept.tier;
  }

  get model(): string {
    return this.kept.model;
  }

  get usage(): Usage | null {
    return this.kept.usage === null ? null : readUsage(JSON.parse(this.kept.usage));
  }

  get costUsd(): number | null {
    return this.kept.costUsd;
  }

  get tookMs(): number {
    return this.kept.tookMs;
  }

  replay(): ChatFrame {
    const id = `chatcmpl-${randomUUID().replaceAll('-', '')}`;
    const created = Math.floor(this.now / MS_PER_SECOND);
    return new LazyFrame(`{"id":"${id}","created":${created},${this.kept.text.slice(1)}`);
  }
}

/** Its JSON is made when somebody asks for it: most hits are handed on as text. */
class LazyFrame implements ChatFrame {
  private read: Completion | null = null;

  constructor(readonly text: string) {}

  get json(): Completion {
    return (this.read ??= completionIn(readableJson(this.text)) ?? {});
  }
}
