import { isFields, ownField, type Fields } from '../../common/json/fields.js';
import { reasoningOf, sealOrigin, type Reasoning, type ReasoningDetail } from '../../common/reasoning.js';
import { partsOf, type Delta } from '../../common/chat.js';
import { inputOfArguments } from './custom-input.js';
import { itemIdOf, type ItemKind } from './response-id.js';
import type { NamedTool, ToolNames } from './tool-names.js';

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

/** What decides how the items of an answer look. */
export interface OutputForm {
  /** Of the response (`codeOf`). */
  readonly code: string;
  /** How the caller names what the model calls. */
  readonly tools: ToolNames;
  /** Whether reasoning comes sealed. */
  readonly encrypts: boolean;
  readonly withLogprobs: boolean;
}

export type TextPart = { type: 'output_text'; text: string; annotations: unknown[]; logprobs: unknown[] };
export type RefusalPart = { type: 'refusal'; refusal: string };

export const textPart = (text: string, logprobs: unknown[] = []): TextPart => ({
  type: 'output_text',
  text,
  annotations: [],
  logprobs,
});
export const refusalPart = (refusal: string): RefusalPart => ({ type: 'refusal', refusal });

export const messageItem = (id: string, content: readonly (TextPart | RefusalPart)[], status: ItemStatus): Fields => ({
  id,
  type: 'message',
  status,
  role: 'assistant',
  content,
});

/** @param encrypted `null` = not asked for */
export const reasoningItem = (id: string, text: string, encrypted: string | null, status: ItemStatus): Fields => ({
  id,
  type: 'reasoning',
  status,
  summary: text === '' ? [] : [{ type: 'summary_text', text }],
  ...(encrypted === null ? {} : { encrypted_content: encrypted }),
});

/** The reasoning as its model gets it back; open models say it as plain text. */
export function sealedReasoning(model: string, text: string, details: readonly ReasoningDetail[]): string {
  const own = details.map(({ model: _, ...detail }) => detail);
  return sealOrigin(model, own.length > 0 ? own : [{ type: 'reasoning.text', text }]);
}

/** Characters of a code that hold its ULID; ids of calls may have 64. */
const ULID_OF_CODE = 23;

/** A call of a tool, as far as it is known. */
export interface KnownCall extends NamedTool {
  /** Of the item. */
  readonly id: string;
  readonly callId: string;
}

/** @param args the arguments; of a custom tool its input */
export function callItem(call: KnownCall, args: string, status: ItemStatus): Fields {
  const { id, callId, name, namespace, isCustom } = call;
  const type = isCustom ? 'custom_tool_call' : 'function_call';
  const head = { id, type, status, call_id: callId, name, ...(namespace === null ? {} : { namespace }) };
  return isCustom ? { ...head, input: args } : { ...head, arguments: args };
}

/**
 * What a call is named by: servers may leave its id out or give it to two calls, and then the response's is as good as any.
 *
 * @param taken ids of the calls before it; this one's is added
 */
export function knownCall(call: Fields, at: number, form: OutputForm, taken: Set<string>): KnownCall {
  const tool = form.tools.called(callName(call));
  const { id } = call;
  const isOwn = typeof id === 'string' && id !== '' && !taken.has(id);
  const callId = isOwn ? id : `call_${at}_${form.code.slice(0, ULID_OF_CODE)}`;
  taken.add(callId);
  return { id: itemIdOf(tool.isCustom ? 'ctc' : 'fc', at, form.code), callId, ...tool };
}

const partOf = (call: Fields): Fields => {
  const part = call['function'] ?? call['custom'];
  return isFields(part) ? part : {};
};

export function callName(call: Fields): string {
  const name = partOf(call)['name'];
  return typeof name === 'string' ? name : '';
}

/** The arguments as JSON text; some servers send them as an object. */
export function callArguments(call: Fields): string {
  const { arguments: args, input } = partOf(call);
  const sent = args ?? input;
  if (typeof sent === 'string') return sent;
  return sent === undefined || sent === null ? '' : JSON.stringify(sent);
}

/**
 * The items of a whole answer: reasoning, then the message, then the calls. The last one of an answer that was cut short
 * is incomplete.
 *
 * @param message of the choice
 * @param logprobs of the choice
 * @param model as its server names it
 */
export function outputOf(message: Delta, logprobs: unknown, isCut: boolean, model: string, form: OutputForm): Fields[] {
  const output: Fields[] = [];
  const id = (kind: ItemKind) => itemIdOf(kind, 0, form.code);
  const reasoning = reasoningOf(message);
  const { details } = reasoning;
  const thought = thoughtIn(message, reasoning);
  if (thought !== '' || details.length > 0) {
    const sealed = form.encrypts ? sealedReasoning(model, thought, details) : null;
    output.push(reasoningItem(id('rs'), thought, sealed, 'completed'));
  }
  const content = contentOf(message, form.withLogprobs ? logprobsIn(logprobs) : []);
  const calls = callsIn(message);
  if (content.length > 0) output.push(messageItem(id('msg'), content, 'completed'));
  const taken = new Set<string>();
  for (const [at, call] of calls.entries()) {
    const known = knownCall(call, at, form, taken);
    const args = callArguments(call);
    output.push(callItem(known, known.isCustom ? inputOfArguments(args) : args, 'completed'));
  }
  if (output.length === 0) output.push(messageItem(id('msg'), [textPart('')], 'completed'));
  if (isCut) output.at(-1)!['status'] = 'incomplete';
  return output;
}

/** The calls of a whole message; one that repeats its only call in the old form has one. */
function callsIn(message: Delta): Fields[] {
  const { tool_calls: listed } = message;
  const calls = Array.isArray(listed) ? listed.filter(isFields) : [];
  return calls.length > 0 ? calls : legacyCall(message);
}

/**
 * `function_call` of a message or a piece of it, as chat completions had it before `tool_calls`.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/object (`message.function_call`)
 */
export function legacyCall({ function_call: call }: Delta): Fields[] {
  return isFields(call) ? [{ index: 0, function: call }] : [];
}

const detailText = ({ text, summary }: ReasoningDetail): string => text ?? summary ?? '';

/** The readable part of the reasoning of a message or a piece of it: what the vendor signs, else what stands beside it. */
export function thoughtIn(message: Delta, { text, details }: Reasoning): string {
  if (details.length === 0) return text;
  return details.map(detailText).join('') || reasoningOf({ ...message, reasoning_details: null }).text;
}

function contentOf(message: Delta, logprobs: unknown[]): (TextPart | RefusalPart)[] {
  const said = saidIn(message);
  const refusal = refusalIn(message);
  return [...(said === '' ? [] : [textPart(said, logprobs)]), ...(refusal === '' ? [] : [refusalPart(refusal)])];
}

/** The text of a message or a piece of it; some servers send it in parts. */
export function saidIn({ content }: Delta): string {
  if (typeof content === 'string') return content;
  return partsOf({ content: content ?? null })
    .map(({ text }) => (typeof text === 'string' ? text : ''))
    .join('');
}

export function refusalIn(message: Delta): string {
  const refusal = ownField(message, 'refusal');
  return typeof refusal === 'string' ? refusal : '';
}

/** Of a choice: its tokens, in the form that both APIs share. */
export function logprobsIn(logprobs: unknown): unknown[] {
  const content = isFields(logprobs) ? logprobs['content'] : null;
  return Array.isArray(content) ? (content as unknown[]) : [];
}
