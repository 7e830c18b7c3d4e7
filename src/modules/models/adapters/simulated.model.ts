import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChatChunk, ChatFrame, ChatRequest, Choice, Completion, Delta } from '../../../common/chat.js';
import { textOf } from '../../../common/chat.js';
import { isFields } from '../../../common/json/fields.js';
import type { TargetConfig } from '../../../common/config/config.schema.js';
import { estimateTextTokens, estimateTokens } from '../../../common/token-estimate.js';
import type { Usage } from '../../../common/usage.js';
import { IteratedStream } from '../../../common/chunk-stream.js';
import type { ModelStream } from '../models.messages.js';
import { simulatedToolCall, simulatedValue } from './simulated-tool-call.js';

/** How much of the question comes back in the answer, in characters. */
const QUOTED_CHARACTERS = 200;

export type SimulatedTarget = Pick<TargetConfig, 'model' | 'pace'>;

/** What is said, before it is cut into frames; the same for every choice. */
interface Answer {
  readonly message: Delta;
  /** The message in the pieces a stream brings it in; joined they are the message. */
  readonly deltas: readonly Delta[];
  readonly finishReason: 'stop' | 'length' | 'tool_calls';
  readonly usage: Usage;
}

type Head = Pick<Completion, 'id' | 'created' | 'model'> & { simulated: true };

/**
 * A model without a server: says that it is simulated and repeats the question, in OpenAI's form, plain or streamed,
 * at `target.pace`. The text depends on nothing but the request; `"simulated": true` is in every frame. A stream
 * always ends with the usage frame. Without a pace nothing waits and the whole stream is one chunk.
 *
 * It ends with the signal's reason once that is aborted.
 *
 * @param clock the time, milliseconds since the epoch
 */
export class SimulatedStream extends IteratedStream implements ModelStream {
  upstreamMs = 0;
  readonly isSent = false;

  constructor(
    private readonly target: SimulatedTarget,
    private readonly request: ChatRequest,
    private readonly signal: AbortSignal,
    private readonly clock: () => number = Date.now,
  ) {
    super();
  }

  protected async *chunks(): AsyncGenerator<ChatChunk> {
    this.signal.throwIfAborted();
    const answer = answerTo(this.request, this.target.model);
    const head: Head = {
      id: `chatcmpl-sim-${randomUUID()}`,
      created: Math.floor(this.clock() / 1000),
      model: this.target.model,
      simulated: true,
    };
    const choices = Array.from({ length: this.request.n ?? 1 }, (_, index) => index);
    const { firstTokenMs, tokenMs } = this.target.pace ?? { firstTokenMs: 0, tokenMs: 0 };
    const pieces = this.request.stream ? streamed(head, answer, choices) : [[plain(head, answer, choices)]];
    const steps = tokenMs === 0 ? [pieces.flat()] : pieces;
    await this.wait(firstTokenMs + (this.request.stream ? 0 : tokenMs * (answer.deltas.length - 1)));
    for (const [position, frames] of steps.entries()) {
      if (position > 0) await this.wait(tokenMs);
      yield { frames };
    }
  }

  /** The pace plays the server's part, so it counts as time spent waiting for the server. */
  private async wait(ms: number): Promise<void> {
    this.signal.throwIfAborted();
    if (ms <= 0) return;
    const from = performance.now();
    try {
      await delay(ms, undefined, { signal: this.signal });
    } catch (error) {
      this.signal.throwIfAborted(); // timers throw an AbortError of their own instead of the reason
      throw error;
    } finally {
      this.upstreamMs += performance.now() - from;
    }
  }
}

function plain(head: Head, { message, finishReason, usage }: Answer, choices: readonly number[]): ChatFrame {
  const choice = (index: number) => ({ index, message, logprobs: null, finish_reason: finishReason });
  return frame({ ...head, object: 'chat.completion', choices: choices.map(choice), usage });
}

/** The frames of a stream, a list for each piece of the answer. */
function streamed(head: Head, answer: Answer, choices: readonly number[]): ChatFrame[][] {
  const { message, deltas, finishReason, usage: total } = answer;
  const chunk = (all: Choice[], usage: Usage | null = null): ChatFrame =>
    frame({ ...head, object: 'chat.completion.chunk', choices: all, usage });
  const forEach = (delta: Delta, finish: string | null): ChatFrame[] =>
    choices.map((index) => chunk([{ index, delta, logprobs: null, finish_reason: finish }]));
  const steps = deltas.length > 0 ? deltas.map((delta) => forEach(delta, null)) : [[]];
  steps[0]!.unshift(...forEach({ role: 'assistant', content: message.content === null ? null : '' }, null));
  steps.at(-1)!.push(...forEach({}, finishReason), chunk([], total));
  return steps;
}

function frame(json: Completion): ChatFrame {
  return { text: JSON.stringify(json), json };
}

function answerTo(request: ChatRequest, model: string): Answer {
  const call = simulatedToolCall(request);
  if (call) {
    const { id, type, function: called } = call;
    const begin = { index: 0, id, type, function: { name: called.name, arguments: '' } };
    const end = { index: 0, function: { arguments: called.arguments } };
    return {
      message: { role: 'assistant', content: null, tool_calls: [call], refusal: null },
      deltas: [{ tool_calls: [begin] }, { tool_calls: [end] }],
      finishReason: 'tool_calls',
      usage: usageOf(request, estimateTextTokens(JSON.stringify(called))),
    };
  }
  const whole = textFor(request, model);
  const text = cutToTokens(whole, limitOf(request));
  return {
    message: { role: 'assistant', content: text, refusal: null },
    deltas: (text.match(/\S*\s*/g) ?? []).flatMap((word) => (word ? [{ content: word }] : [])),
    finishReason: text.length < whole.length ? 'length' : 'stop',
    usage: usageOf(request, estimateTextTokens(text)),
  };
}

function textFor(request: ChatRequest, model: string): string {
  const question = request.messages.findLast((message) => message.role === 'user');
  const quoted = [...(question ? textOf(question) : '').toWellFormed()].slice(0, QUOTED_CHARACTERS).join('');
  const text = `This is a simulated answer from "${model}" (no real model is connected). You asked: "${quoted}".`;
  const { type: format, json_schema: wanted } = request.response_format ?? {};
  if (format === 'json_schema' && isFields(wanted)) return JSON.stringify(simulatedValue(wanted['schema']));
  if (format !== 'json_object' && format !== 'json_schema') return text;
  return JSON.stringify({ simulated: true, answer: text });
}

/** As OpenAI reads it: `max_tokens` is the older name. -1 is no limit. */
function limitOf({ max_completion_tokens: limit, max_tokens: older }: ChatRequest): number {
  const tokens = limit ?? older ?? -1;
  return tokens === -1 ? Infinity : tokens;
}

/** The longest beginning of a text that takes at most so many tokens; never half a surrogate pair. */
function cutToTokens(text: string, tokens: number): string {
  if (estimateTextTokens(text) <= tokens) return text;
  let fits = 0;
  let tooLong = text.length;
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (estimateTextTokens(text.slice(0, middle)) <= tokens) fits = middle;
    else tooLong = middle;
  }
  const cut = text.slice(0, fits);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}

function usageOf(request: ChatRequest, completionTokens: number): Usage {
  const prompt = estimateTokens(request.messages);
  const completion = completionTokens * (request.n ?? 1);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}
