import { openOrigin, sealOrigin, type ReasoningDetail } from '../../common/reasoning.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import type { Block } from './content-faults.js';

/** Budgets of thinking up to these, in tokens, are that effort; a larger one is high. */
const LOW_BUDGET = 4_096;
const MEDIUM_BUDGET = 16_384;

/** Of Anthropic's efforts those that other vendors have no word for. */
const BEYOND_HIGH: ReadonlySet<string> = new Set(['xhigh', 'max']);

interface ThinkingAsked {
  readonly thinking?: { readonly type: string; readonly budget_tokens?: number | null | undefined } | null | undefined;
  readonly output_config?: { readonly effort?: string | null | undefined } | null | undefined;
}

/** `reasoning_effort` of what a request says about thinking; `null` = it says nothing. */
export function effortOf({ thinking, output_config: output }: ThinkingAsked): string | null {
  if (thinking?.type === 'disabled') return 'none';
  const effort = output?.effort ?? null;
  if (effort !== null) return BEYOND_HIGH.has(effort) ? 'high' : effort;
  if (!thinking) return null;
  const budget = thinking.budget_tokens ?? null;
  if (budget === null) return 'medium';
  if (budget <= LOW_BUDGET) return 'low';
  return budget <= MEDIUM_BUDGET ? 'medium' : 'high';
}

/** Of a detail that comes back: what its vendor wants beside the visible text. */
const SEALED = ['type', 'signature', 'data', 'format', 'id'] as const;
const KINDS: ReadonlySet<unknown> = new Set(['reasoning.text', 'reasoning.summary', 'reasoning.encrypted']);

/**
 * The signature of a thinking block, or the data of a redacted one: who made it, and what its vendor signed. A block that
 * was signed by nobody says who made it all the same, as thinking goes back to its own model alone, and no vendor is ever
 * shown a signature that it did not make.
 *
 * @param model as its server names it
 */
export function sealedDetail(model: string, detail: Partial<ReasoningDetail>): string {
  const fields = detail as Fields;
  const payload = Object.fromEntries(SEALED.flatMap((name) => (name in fields ? [[name, fields[name]]] : [])));
  return sealOrigin(model, payload);
}

/** The details of the thinking in an assistant's blocks, in order; blocks that no model of ours made are left out. */
export function reasoningDetails(blocks: readonly Block[]): ReasoningDetail[] {
  const details: ReasoningDetail[] = [];
  for (const block of blocks) {
    const detail = detailOf(block);
    if (detail) details.push({ ...detail, index: details.length });
  }
  return details;
}

function detailOf({ type, thinking, signature, data }: Block): ReasoningDetail | null {
  if (type === 'redacted_thinking') return openedDetail(data, 'reasoning.encrypted');
  if (type !== 'thinking') return null;
  const detail = openedDetail(signature, 'reasoning.text');
  if (!detail || typeof thinking !== 'string') return null;
  return { ...detail, [detail.type === 'reasoning.summary' ? 'summary' : 'text']: thinking };
}

/** @param usual the type of a detail that does not say its own */
function openedDetail(sealed: unknown, usual: ReasoningDetail['type']): ReasoningDetail | null {
  const origin = typeof sealed === 'string' ? openOrigin(sealed) : null;
  if (!origin) return null;
  const payload = isFields(origin.payload) ? origin.payload : {};
  const known = SEALED.flatMap((name) => (typeof payload[name] === 'string' ? [[name, payload[name]]] : []));
  const detail = Object.fromEntries(known) as Partial<ReasoningDetail>;
  const type = KINDS.has(detail.type) ? detail.type! : usual;
  return { ...detail, type, model: origin.model };
}
