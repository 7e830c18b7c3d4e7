import { BoundedMap } from '../../common/bounded-map.js';
import { sessionName, type SessionKey } from '../../common/session-id.js';
import type { KeptAnswer } from './kept-answer.js';

/** Which answers are to be forgotten; `null` = all tenants, all model names. */
export type Forgotten = SessionKey | { readonly tenant: string | null; readonly model: string | null };

/** Erasures that are remembered; a request that is older than the last so many is none. */
const MOST_MARKS = 10_000;

export function isForgotten(what: Forgotten, { sessionId, tenant, askedModel }: KeptAnswer): boolean {
  if ('sessionId' in what) return what.sessionId === sessionId && what.tenant === tenant;
  return (what.tenant ?? tenant) === tenant && (what.model ?? askedModel) === askedModel;
}

/** How far the clocks of two replicas may be apart, milliseconds. What is asked again for that reason is no harm. */
const CLOCK_SLACK_MS = 1_000;

interface Mark {
  /** `performance.now()` milliseconds. */
  readonly clock: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/**
 * What was forgotten when: an answer that began to be made or read before that is not kept afterwards. What was made here is
 * compared by the clock of this process; what comes from elsewhere, by the time of day as well.
 */
export class ForgottenMarks {
  private readonly marks = new BoundedMap<string, Mark>(MOST_MARKS);

  set(what: Forgotten, clock: number, at: number): void {
    this.marks.set('sessionId' in what ? sessionMark(what) : nameMark(what.tenant, what.model), { clock, at });
  }

  /** Whether the answer was forgotten at or after this time, `performance.now()` milliseconds. */
  since(beganAt: number, kept: KeptAnswer): boolean {
    return this.of(kept).some(({ clock }) => clock >= beganAt);
  }

  /** Whether it began, by the clock of whoever made it, before it was forgotten. */
  covers(kept: KeptAnswer): boolean {
    return this.of(kept).some(({ at }) => kept.at - kept.tookMs <= at + CLOCK_SLACK_MS);
  }

  private of({ sessionId, tenant, askedModel }: KeptAnswer): Mark[] {
    if (this.marks.size === 0) return [];
    const names = [
      nameMark(tenant, askedModel),
      ...[nameMark(tenant, null), nameMark(null, askedModel), nameMark(null, null)],
      ...(sessionId === null ? [] : [sessionMark({ tenant, sessionId })]),
    ];
    return names.flatMap((name) => this.marks.get(name) ?? []);
  }
}

const sessionMark = (session: SessionKey): string => `s${sessionName(session)}`;
const nameMark = (tenant: string | null, model: string | null): string => `n${JSON.stringify([tenant, model])}`;
