import { partsOf, type Completion, type Delta } from '../../common/chat.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import { parseKeepingNumbers } from '../../common/json/numbers.js';
import { reasoningOf, type ReasoningDetail } from '../../common/reasoning.js';
import { messageUsage, stopOf, toolId } from './message-end.js';
import type { CountedAnswer, MessageHead } from './messages-stream.js';
import { sealedDetail } from './thinking-blocks.js';

/** A whole `chat.completion` as a message, ready for `JSON.stringify`. Only the first choice is read. */
export function messageOf(completion: Completion, head: MessageHead, answer: CountedAnswer): Fields {
  const choice = completion.choices?.find(({ index }) => (index ?? 0) === 0) ?? {};
  const said: Delta = isFields(choice.message) ? choice.message : {};
  const calls = toolBlocks(said, head);
  return {
    id: head.id,
    type: 'message',
    role: 'assistant',
    model: head.model,
    content: [...thinkingBlocks(said, head.model), ...textBlocks(said), ...calls],
    ...stopOf(choice, head.stops, calls.length > 0),
    usage: messageUsage(answer.result?.usage ?? null, head.inputTokens),
    ...(head.simulated ? { simulated: true } : {}),
  };
}

function thinkingBlocks(said: Delta, model: string): Fields[] {
  const { text, details } = reasoningOf(said);
  const plain: ReasoningDetail[] = text === '' ? [] : [{ type: 'reasoning.text', text }];
  return [...plain, ...details].map((detail) => {
    const sealed = sealedDetail(model, detail);
    if (detail.type === 'reasoning.encrypted') return { type: 'redacted_thinking', data: sealed };
    return { type: 'thinking', thinking: detail.text ?? detail.summary ?? '', signature: sealed };
  });
}

function textBlocks({ content, refusal }: Delta): Fields[] {
  const parts = partsOf({ content: content });
  const texts = typeof content === 'string' ? [content] : parts.map(({ text }) => text);
  const all = [...texts, refusal].filter((text): text is string => typeof text === 'string').join('');
  return all === '' ? [] : [{ type: 'text', text: all }];
}

function toolBlocks({ tool_calls: calls, function_call: call }: Delta, { id: message }: MessageHead): Fields[] {
  const all: unknown[] = Array.isArray(calls) ? calls : [];
  const called = isFields(call) && all.length === 0 ? [{ function: call }] : all;
  const taken = new Set<string>();
  return called.filter(isFields).map(({ id, function: own, custom }, at) => {
    const part = [own, custom].find(isFields) ?? {};
    return {
      type: 'tool_use',
      id: toolId(id, message, at + 1, taken),
      name: typeof part['name'] === 'string' ? part['name'] : '',
      input: inputOf(part['arguments'] ?? part['input'] ?? ''),
    };
  });
}

/**
 * The arguments of a call as an object, with all digits of their numbers. What is no object is not lost: it stands in
 * `_raw`, as this API has no other place for it.
 */
function inputOf(said: unknown): Fields {
  if (isFields(said)) return said;
  if (typeof said !== 'string') return { _raw: JSON.stringify(said) };
  if (said.trim() === '') return {};
  try {
    const parsed = parseKeepingNumbers(said);
    if (isFields(parsed)) return parsed;
  } catch {
    // below
  }
  return { _raw: said };
}
