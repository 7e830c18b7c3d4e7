import type { Check } from './indicators/check.js';

export interface PastOf {
  /** When it was first seen in the state in which it is now, milliseconds since 1970. */
  readonly since: number;
  /** The latest time that it was down, also when it is up now. */
  readonly lastError: { readonly at: number; readonly detail: string } | null;
}

/** What was seen of each part since the start, by whoever asked: nobody looks when nobody asks. */
export class CheckHistory {
  private readonly parts = new Map<string, PastOf & { readonly status: Check['status'] }>();

  /** @param at when it was looked, milliseconds since 1970 */
  note(part: string, { status, detail = status }: Check, at: number): PastOf {
    const before = this.parts.get(part);
    const since = before?.status === status ? before.since : at;
    const lastError = status === 'down' ? { at, detail } : (before?.lastError ?? null);
    const past = { status, since, lastError };
    this.parts.set(part, past);
    return past;
  }
}
