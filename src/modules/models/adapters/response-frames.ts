import type { ChatFrame, Completion, Delta } from '../../../common/chat.js';
import { isFields, type Fields } from '../../../common/json/fields.js';
import { readableJson } from '../../../common/json/readable.js';
import { callOf, finishOf, headOf, usageOf } from './response-answer.js';
import { StreamFrames } from './stream-frames.js';
import { failureOfBody } from './upstream-errors.js';

/**
 * Follows a stream of OpenAI's Responses that is passed through: each event goes on as it came, and says beside that what a
 * chunk of chat completions would.
 *
 * @see https://platform.openai.com/docs/api-reference/responses-streaming
 */
export class ResponseFrames extends StreamFrames {
  private readonly calls = new Set<string>();

  constructor() {
    super(1);
  }

  protected override readEvent(text: string, read: ChatFrame[]): void {
    const event = readableJson(text);
    if (!isFields(event) || typeof event['type'] !== 'string' || !EVENT_NAME.test(event['type'])) {
      this.skipped += 1;
      return;
    }
    const { type } = event;
    if (type === 'error' || type === 'response.failed') {
      this.failure = failureOfBody(errorOf(event));
      return;
    }
    const json = this.chunkOf(type, event);
    this.note(json, text.length);
    const wire = `event: ${type}\ndata: ${text.replaceAll('\n', ' ')}\n\n`;
    read.push({ text, json, wire, isExact: true });
    if (ENDS.has(type)) this.done = true;
  }

  private chunkOf(type: string, event: Fields): Completion {
    const response = isFields(event['response']) ? event['response'] : null;
    if (response === null) return { choices: [{ index: 0, delta: this.deltaOf(type, event), finish_reason: null }] };
    const head = { ...headOf(response), object: 'chat.completion.chunk' };
    if (!ENDS.has(type)) return { ...head, choices: [] };
    return { ...head, choices: [{ index: 0, delta: {}, finish_reason: finishOf(response) }], ...usageOf(response) };
  }

  private deltaOf(type: string, { delta, item }: Fields): Delta {
    if (typeof delta === 'string') {
      if (type === 'response.output_text.delta') return { content: delta };
      if (type === 'response.refusal.delta') return { refusal: delta };
      return type.startsWith('response.reasoning') ? { reasoning_content: delta } : {};
    }
    if (!isFields(item) || item['type'] === 'message' || item['type'] === 'reasoning') return {};
    const id = String(item['id']);
    if (this.calls.has(id)) return {};
    this.calls.add(id);
    return { tool_calls: [{ index: this.calls.size - 1, ...callOf(item) }] };
  }
}

const ENDS: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete', 'response.cancelled']);
/** What may stand in the line `event:`. */
const EVENT_NAME = /^[\w.-]{1,128}$/;

/** OpenAI tells of errors at the top of an event, others in `error`, and of a failed response in the response. */
function errorOf({ response, error, ...event }: Fields): unknown {
  if (isFields(response)) return { error: response['error'] ?? 'the response failed' };
  return { error: error ?? event };
}
