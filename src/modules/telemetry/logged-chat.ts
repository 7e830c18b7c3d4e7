import type { ChatFrame, ChatMessage } from '../../common/chat.js';
import { redactedContent } from '../../common/logging/redacted-content.js';

/** Of what was asked, and as much of the answer, characters. */
const MOST = 4_096;
/** A string inside a message is longer only as a picture or a document is. */
const MOST_OF_STRING = 16_384;
const DATA_URL = /^data:[^,]{0,200},/;

/** The content of one request, as its tenant wants it in the log. */
export interface LoggedChat {
  /** The latest messages of the request, oldest first; a session's own turns are not among them. */
  readonly messages: string;
  /** `null` unless it was complete. */
  readonly answer: string | null;
}

export function loggedChat(asked: readonly ChatMessage[], completion: ChatFrame | null): LoggedChat {
  const message = completion?.json.choices?.[0]?.message;
  return {
    messages: latest(asked),
    answer: message ? redactedContent(lineOf(message as ChatMessage), MOST) : null,
  };
}

/** From the end, as the question stands there; redacted together, as a secret may begin in one message and end in the next. */
function latest(messages: readonly ChatMessage[]): string {
  let text = '';
  let first = messages.length;
  while (first > 0 && text.length < MOST) text = `${lineOf(messages[(first -= 1)]!)}\n${text}`;
  const omitted = first === 0 ? '' : `(${first} earlier) `;
  return `${omitted}${redactedContent(text.trimEnd(), MOST)}`;
}

/** `user: text`; what is more than a text stands as JSON. */
function lineOf({ role, ...rest }: ChatMessage): string {
  const { content, ...more } = rest;
  const isText =
    typeof content === 'string' && Object.values(more).every((value) => value === null || value === undefined);
  return `${String(role)}: ${isText ? content : JSON.stringify(rest, shortened)}`;
}

function shortened(_name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const data = DATA_URL.exec(value)?.[0];
  if (data !== undefined) return `${data}(${value.length - data.length} characters)`;
  return value.length > MOST_OF_STRING ? value.slice(0, MOST_OF_STRING) : value;
}
