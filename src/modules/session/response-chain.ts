import type { Turn } from './session.messages.js';

/** `ResponseOfTurn.previous` of a response that goes on from all turns before it. */
const ALL_BEFORE = 'session';

/** A conversation as it was after one response. */
export interface ResponseChain {
  /** Oldest first. */
  readonly turns: readonly Turn[];
  /** Whether it goes back to its beginning among the turns that were looked at. */
  readonly isWhole: boolean;
}

export const isResponse = (id: string) => (turn: Turn) => turn.response?.id === id;

/**
 * The turns that a response goes on from, and its own: several may go on from one response, each in its own way.
 *
 * @param turns of the session, oldest first @param hasAll whether these are all
 * @returns `null` where the response is not among them
 */
export function chainOf(turns: readonly Turn[], id: string, hasAll: boolean): ResponseChain | null {
  let at = turns.findLastIndex(isResponse(id));
  if (at < 0) return null;
  const chain: Turn[] = [];
  for (;;) {
    const turn = turns[at]!;
    chain.unshift(turn);
    const previous = turn.response ? turn.response.previous : ALL_BEFORE;
    if (previous === null) return { turns: chain, isWhole: true };
    if (previous === ALL_BEFORE) return { turns: [...turns.slice(0, at), ...chain], isWhole: hasAll };
    at = turns.slice(0, at).findLastIndex(isResponse(previous));
    if (at < 0) return { turns: chain, isWhole: false };
  }
}
