import { InvalidRequest } from '../../common/app-error.js';
import type { ChatRequest } from '../../common/chat.js';
import { repeatedFields } from '../../common/json/repeats.js';
import { keepSource, sourceOf } from '../../common/json/source.js';
import { routeRequestSchema } from './chat-request.schema.js';

const READ_HERE: ReadonlySet<string> = new Set([...Object.keys(routeRequestSchema.shape), 'functions']);
const IN_A_MESSAGE = /^messages\b/;

/** The checked request with the text it came in, for the model server. @throws InvalidRequest as `assertReadOnce` */
export function withSentText(request: ChatRequest, body: unknown): ChatRequest {
  assertReadOnce(body);
  return keepSource(request, sourceOf(body));
}

/**
 * @throws InvalidRequest a field that is read here is named twice: one value would be checked, and the server might take
 *   the other (RFC 8259 section 4)
 */
export function assertReadOnce(body: unknown): void {
  const source = sourceOf(body);
  if (!source?.hasRepeats) return;
  const param = repeatedFields(source.text).find((path) => READ_HERE.has(path) || IN_A_MESSAGE.test(path));
  if (param) throw new InvalidRequest(`${param}: this field stands twice in one object; leave one of them out.`, param);
}
