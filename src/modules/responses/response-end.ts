import type { ResponseState } from './response-object.js';

/** `finish_reason` of a choice. */
export type FinishReason = string | null;

/** How a response ends whose answer has come to its end. */
export function endOf(
  finish: unknown,
): Pick<ResponseState, 'reason'> & { readonly status: 'completed' | 'incomplete' } {
  if (finish === 'length') return { status: 'incomplete', reason: 'max_output_tokens' };
  if (finish === 'content_filter') return { status: 'incomplete', reason: 'content_filter' };
  return { status: 'completed', reason: null };
}
