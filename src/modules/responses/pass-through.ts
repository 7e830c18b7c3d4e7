import type { AppError } from '../../common/app-error.js';
import { InvalidRequest } from '../../common/app-error.js';
import type { ChatChunk, ChatRequest, ContentPart } from '../../common/chat.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { KEEP_ALIVE_COMMENT, type StreamForm } from '../../common/http/sse-writer.js';
import { fieldPath, isFields, type Fields } from '../../common/json/fields.js';
import { readableJson } from '../../common/json/readable.js';
import { repeatedFields } from '../../common/json/repeats.js';
import type { JsonSource } from '../../common/json/source.js';
import { passedThrough } from '../../common/passed-through.js';
import type { TargetStatus } from '../../common/target.js';
import { readResponseId, responseOfItem } from './response-id.js';
import type { ResponsesRequest } from './responses-request.schema.js';

/** Whether all of them are OpenAI's own servers, so that a request can go there as it came. */
export const areOpenAis = (candidates: readonly TargetStatus[]): boolean =>
  candidates.every(({ takesResponses }) => takesResponses === true);

/** Fields that name what was kept at OpenAI before: there it has no tenant, only an account, which is the operator's. */
const KEPT_THERE: ReadonlySet<string> = new Set([
  ...['previous_response_id', 'conversation', 'prompt', 'file_id', 'file_ids', 'vector_store_ids', 'container'],
]);

/**
 * Refuses what cannot go on as it came: members of one name, of which one would be checked and the other used; what is kept
 * here, which OpenAI cannot know; and where several tenants use the service, what is kept there, which anybody could name.
 *
 * @throws InvalidRequest that names the field
 */
export function checkPassable(body: Fields, source: JsonSource, isShared: boolean): void {
  const [repeated] = source.hasRepeats ? repeatedFields(source.text) : [];
  if (repeated !== undefined) throw refusal(repeated, 'this field stands twice in one object; leave one of them out.');
  if (source.hidesMembers) throw refusal('__proto__', 'leave it out; nothing reads it.');
  const kept = keptThere(body, []);
  if (kept === null) return;
  if (kept.isOurs)
    throw refusal(kept.path, 'it is kept here, where the tools of OpenAI cannot see it; send the conversation.');
  if (isShared)
    throw refusal(kept.path, 'what is kept at OpenAI belongs to all tenants of this service; send it as input.');
}

/** Whether callers of more than one tenant may come. */
export function isSharedByTenants({ auth, tenants }: Pick<RouterConfig, 'auth' | 'tenants'>): boolean {
  const known = new Set([...auth.keys.map(({ tenant }) => tenant), ...Object.keys(tenants)]);
  return known.size > 1 || auth.jwt.issuer !== '';
}

const refusal = (path: string, why: string): InvalidRequest => new InvalidRequest(`${path}: ${why}`, path);

interface KeptPlace {
  readonly path: string;
  readonly isOurs: boolean;
}

/** The first place of a body that names what was kept before. Bodies are at most 128 levels deep. */
function keptThere(value: unknown, path: readonly (string | number)[]): KeptPlace | null {
  if (typeof value !== 'object' || value === null) return null;
  if (Array.isArray(value)) {
    for (const [at, item] of (value as unknown[]).entries()) {
      const found = keptThere(item, [...path, at]);
      if (found) return found;
    }
    return null;
  }
  const fields = value as Fields;
  if (fields['type'] === 'item_reference') {
    const { id } = fields;
    return { path: fieldPath([...path, 'id']), isOurs: typeof id === 'string' && responseOfItem(id) !== null };
  }
  for (const [name, field] of Object.entries(fields)) {
    const place = [...path, name];
    if (KEPT_THERE.has(name) && isNamed(field)) return { path: fieldPath(place), isOurs: isKeptHere(name, field) };
    const found = name === 'parameters' || name === 'schema' ? null : keptThere(field, place);
    if (found) return found;
  }
  return null;
}

/** A name of something; a container that is made for the request is none. */
const isNamed = (field: unknown): boolean =>
  typeof field === 'string' || Array.isArray(field) || (isFields(field) && typeof field['id'] === 'string');

function isKeptHere(name: string, field: unknown): boolean {
  if (name === 'conversation') return !/^conv_/.test(String(isFields(field) ? field['id'] : field));
  return name === 'previous_response_id' && readResponseId(String(field)) !== null;
}

/**
 * The chat request that stands for one that is passed through: routing reads the question, images and files count as such,
 * and everything else that would be sent stands in one field, where limits, window and privacy rules see it.
 */
export function standIn(body: ResponsesRequest, source: JsonSource): ChatRequest {
  const { model, stream, max_output_tokens: limit, input, ...others } = body;
  const media: ContentPart[] = [];
  const rest = withoutMedia(input, media);
  const request: ChatRequest = {
    model,
    messages: [{ role: 'user', content: [{ type: 'text', text: questionIn(input) }, ...media] }],
    ...(stream ? { stream: true } : {}),
    ...(limit ? { max_completion_tokens: limit } : {}),
    responses_request: { ...others, input: rest },
  };
  return passedThrough(request, source);
}

/** The items with their images and files taken out. @param media gets those in the form of chat completions */
function withoutMedia(value: unknown, media: ContentPart[]): unknown {
  if (Array.isArray(value)) return (value as unknown[]).map((item) => withoutMedia(item, media));
  if (!isFields(value)) return value;
  const { image_url: image, file_data: file, ...rest } = value;
  if (value['type'] === 'input_image' && typeof image === 'string') {
    media.push({ type: 'image_url', image_url: { url: image } });
    return rest;
  }
  if (value['type'] === 'input_file' && typeof file === 'string') {
    media.push({ type: 'file', file: { file_data: file } });
    return rest;
  }
  const names = ['content', 'output'] as const;
  const changed = names.flatMap((name) =>
    Array.isArray(value[name]) ? [[name, withoutMedia(value[name], media)]] : [],
  );
  return changed.length === 0 ? value : { ...value, ...(Object.fromEntries(changed) as Fields) };
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
