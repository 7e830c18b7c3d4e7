import { Script } from 'node:vm';
import type { ChatRequest, Completion } from '../../../common/chat.js';
import { readableJson } from '../../../common/json/readable.js';
import { findSchemaFault } from './schema-fault.js';

/** What the checks of a cheap answer found. */
export interface AnswerVerdict {
  /** Why the answer is not good enough, for a person; `null` when every check passed. */
  readonly fault: string | null;
  /** The number or option the answer ends with, to compare it with a second answer; `null` when it has none. */
  readonly final: string | null;
}

/** Mean log-probability of a token under which the model was guessing. */
const UNSURE_LOGPROB = -1;
const REFUSAL_CHARACTERS = 400;
const REFUSAL = /\b(?:i(?:'m| am) (?:sorry|unable|not able)|i can(?:'|no)t (?:help|assist|answer|do)|as an ai\b)/i;
// lengths are bounded, so that no text can make it slow
const EQUATION =
  /(?<![\d.,^/*+-]\s?)(-?\d[\d,]{0,14}(?:\.\d{1,12})?)\s{0,3}([-+*/×÷])\s{0,3}(\d[\d,]{0,14}(?:\.\d{1,12})?)\s{0,3}=\s{0,3}\$?(-?\d[\d,]{0,14}(?:\.\d{1,12})?)/g;
const FENCE = '```';
const MOST_CHARACTERS = 50_000;
const REPEATED_LINES = 4;
const NUMBER = /-?\d[\d,]*(?:\.\d+)?/g;

/** Deterministic checks of an answer, cheapest first. Nothing in it is run; time is bounded by what is read. */
export function checkAnswer(request: ChatRequest, completion: Completion): AnswerVerdict {
  const choice = completion.choices?.[0];
  const message = choice?.message;
  const whole = typeof message?.content === 'string' ? message.content : '';
  const text = whole.slice(0, MOST_CHARACTERS);
  // a tool call is no text; the caller's tool will judge it
  if (Array.isArray(message?.tool_calls) && message.tool_calls.length > 0) return { fault: null, final: null };
  const fault =
    stopped(choice?.finish_reason) ??
    refused(text, message?.['refusal']) ??
    (text === whole ? badJson(request, text) : null) ??
    badCode(text) ??
    wrongArithmetic(text) ??
    repeats(text) ??
    unsure(choice?.['logprobs']);
  return { fault, final: finalOf(text) };
}

function stopped(reason: string | null | undefined): string | null {
  if (reason === 'length') return 'it is cut off';
  return reason === 'content_filter' ? 'it was filtered' : null;
}

function refused(text: string, refusal: unknown): string | null {
  if (text.trim() === '' && !refusal) return 'it is empty';
  return refusal || (text.length < REFUSAL_CHARACTERS && REFUSAL.test(text)) ? 'it is a refusal' : null;
}

function badJson({ response_format: format }: ChatRequest, text: string): string | null {
  if (format?.type !== 'json_object' && format?.type !== 'json_schema') return null;
  const value = readableJson(text);
  if (value === undefined) return 'it is not JSON';
  const schema = (format['json_schema'] as { schema?: unknown } | undefined)?.schema;
  const fault = schema ? findSchemaFault(schema, value) : null;
  return fault ? `its JSON does not fit the schema at ${fault}` : null;
}

function badCode(text: string): string | null {
  const parts = text.split(FENCE);
  // every second part is inside a fence; the last one of them may be open
  for (let i = 1; i + 1 < parts.length; i += 2) {
    const block = parts[i]!;
    const end = block.indexOf('\n');
    if (end < 0) continue;
    const name = block.slice(0, end).trim().toLowerCase();
    const code = block.slice(end + 1);
    try {
      if (name === 'json') JSON.parse(code);
      // a module is not a script, and Script compiles without running
      if ((name === 'js' || name === 'javascript') && !/^\s*(?:import|export)\b|\bawait\b/m.test(code))
        new Script(code);
    } catch {
      return `its ${name} does not parse`;
    }
  }
  return null;
}

const numberOf = (text: string): number => Number(text.replaceAll(',', ''));

function wrongArithmetic(text: string): string | null {
  for (const [whole, left = '', operator = '', right = '', result = ''] of text.matchAll(EQUATION)) {
    const value = calculated(numberOf(left), operator, numberOf(right));
    const stated = numberOf(result);
    // an answer may round, but not by more than its last digit
    const decimals = result.split('.')[1]?.length ?? 0;
    if (Number.isFinite(value) && Math.abs(value - stated) > Math.max(10 ** -decimals, Math.abs(value) * 0.005)) {
      return `it miscalculates ${whole.trim()}`;
    }
  }
  return null;
}

function calculated(left: number, operator: string, right: number): number {
  if (operator === '+') return left + right;
  if (operator === '-') return left - right;
  return operator === '*' || operator === '×' ? left * right : left / right;
}

function repeats(text: string): string | null {
  const counts = new Map<string, number>();
  for (const line of text.split('\n')) {
    const key = line.trim();
    if (key.length < 20) continue;
    const count = (counts.get(key) ?? 0) + 1;
    if (count >= REPEATED_LINES) return 'it repeats itself';
    counts.set(key, count);
  }
  return null;
}

function unsure(logprobs: unknown): string | null {
  const tokens = (logprobs as { content?: ({ logprob?: unknown } | null)[] } | null | undefined)?.content;
  if (!Array.isArray(tokens) || tokens.length === 0) return null;
  const values = tokens.flatMap((token) => (typeof token?.logprob === 'number' ? [token.logprob] : []));
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return mean < UNSURE_LOGPROB ? 'the model was not sure of it' : null;
}

/** "The answer is B", "#### 42", or else the last number. */
function finalOf(text: string): string | null {
  const option = /\banswer(?: is)?:?\s*\**\(?([A-J])\b/.exec(text)?.[1];
  if (option) return option;
  const last = text.match(NUMBER)?.at(-1);
  return last === undefined ? null : String(numberOf(last));
}
