import type { AppError } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import type { ChatChunk, ChatRequest } from '../../common/chat.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { KEEP_ALIVE_COMMENT, type StreamForm } from '../../common/http/sse-writer.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import { readableJson } from '../../common/json/readable.js';
import type { JsonSource } from '../../common/json/source.js';
import { passedThrough } from '../../common/passed-through.js';
import { TenantTargets } from '../../common/tenant-targets.js';
import type { TargetStatus } from '../../common/target.js';
import type { ResponsesRequest } from './responses-request.schema.js';

/** Whether every target that may answer is OpenAI's own server, so that a request can go there as it came. */
export function onlyOpenAiAnswers(
  model: string,
  { tenant }: Caller,
  config: Pick<RouterConfig, 'models' | 'tenants'>,
  targets: readonly TargetStatus[],
): boolean {
  const ids = config.models.find(({ name }) => name === model)?.targets ?? [model];
  const candidates = new TenantTargets(config, tenant).of(targets).filter(({ id }) => ids.includes(id));
  return candidates.length > 0 && candidates.every(({ takesResponses }) => takesResponses === true);
}

/**
 * The chat request that stands for one that is passed through: routing reads the question, and everything that would be sent
 * stands in one field, where limits, window and privacy rules see it.
 */
export function standIn(body: ResponsesRequest, source: JsonSource): ChatRequest {
  const { model, stream, max_output_tokens: limit, input, ...others } = body;
  const request: ChatRequest = {
    model,
    messages: [{ role: 'user', content: questionIn(input) }],
    ...(stream ? { stream: true } : {}),
    ...(limit ? { max_completion_tokens: limit } : {}),
    responses_request: { ...others, input },
  };
  return passedThrough(request, source);
}

/** The text of the newest message of the user. */
function questionIn(input: unknown): string {
  if (typeof input === 'string') return input;
  if (!Array.isArray(input)) return '';
  const asked = (input as unknown[]).findLast((item): item is Fields => isFields(item) && item['role'] === 'user');
  const content = asked?.['content'];
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .flatMap((part) => (isFields(part) && typeof part['text'] === 'string' ? [part['text']] : []))
    .join('\n');
}

/** The stream of one of OpenAI's own servers: its events as they came. */
export class PassedStream implements StreamForm {
  readonly keepAlive = KEEP_ALIVE_COMMENT;
  /** Of the event that opened the stream, as its text. */
  private opening: string | null = null;
  private events = 0;

  chunk({ frames }: ChatChunk): string {
    let text = '';
    for (const frame of frames) {
      this.opening ??= frame.text;
      this.events += 1;
      text += frame.wire ?? '';
    }
    return text;
  }

  end(): string {
    return '';
  }

  error(error: AppError): string {
    const { code, message, param } = error.toBody().error;
    const opening = this.opening === null ? null : readableJson(this.opening);
    const begun = isFields(opening) && isFields(opening['response']) ? opening['response'] : {};
    const response = { ...begun, status: 'failed', error: { code, message } };
    return this.event('error', { code, message, param }) + this.event('response.failed', { response });
  }

  private event(type: string, fields: Fields): string {
    const data = JSON.stringify({ type, sequence_number: this.events, ...fields });
    this.events += 1;
    return `event: ${type}\ndata: ${data}\n\n`;
  }
}
