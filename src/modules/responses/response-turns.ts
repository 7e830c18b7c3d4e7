import { InvalidRequest, PreviousResponseNotFound } from '../../common/app-error.js';
import type { ChatMessage } from '../../common/chat.js';
import type { TurnsOfAsk } from '../chat/chat.messages.js';
import { ownSessionId, readResponseId, type ResponseName } from './response-id.js';
import { echoOf } from './response-object.js';
import { conversationOf, type ResponsesRequest } from './responses-request.schema.js';

/** Where a response goes on, and what is kept of it. */
export interface ResponsePlace {
  readonly name: ResponseName;
  /** `null`: nothing is read of one and nothing kept. */
  readonly sessionId: string | null;
  readonly keepsTurn: boolean;
  readonly turns: TurnsOfAsk;
}

/** What a response goes on from: the ULID of another one, all of its `session`, or nothing. */
interface Before {
  readonly sessionId: string | null;
  readonly previous: string | null;
}

/**
 * The session of a response: that of the one it goes on from, that of its conversation, the one that the header names, or
 * one of its own.
 *
 * @param ulid of the new response
 * @param headerSession `x-session-id`; what the body says counts more
 * @param input the messages of the new input
 * @throws PreviousResponseNotFound the id is none of ours; InvalidRequest it is said twice where to go on
 */
export function placeOf(
  body: ResponsesRequest,
  ulid: string,
  headerSession: string | null,
  input: readonly ChatMessage[],
): ResponsePlace {
  const keepsTurn = body.store !== false;
  const { sessionId, previous } = beforeOf(body, headerSession);
  const own = sessionId ?? ownSessionId(ulid);
  const isLoaded = previous !== null;
  return {
    name: { ulid, sessionId: own },
    sessionId: isLoaded || keepsTurn ? own : null,
    keepsTurn,
    turns: {
      use: !isLoaded ? 'new' : body.truncation === 'auto' ? 'stored' : 'whole',
      upTo: previous === 'session' ? null : previous,
      keeps: input,
      response: { id: ulid, previous, echo: echoOf(body), input: body.input },
    },
  };
}

function beforeOf(body: ResponsesRequest, headerSession: string | null): Before {
  const { previous_response_id: id } = body;
  const conversation = conversationOf(body);
  if (id && conversation !== null) {
    const message = 'conversation: a response goes on from a conversation or from a response; leave one of them out';
    throw new InvalidRequest(message, 'conversation');
  }
  if (id) {
    const name = readResponseId(id);
    if (name) return { sessionId: name.sessionId, previous: name.ulid };
    throw new PreviousResponseNotFound(
      'previous_response_id: no response of this service has such an id; leave it out, and send the conversation as input.',
      'previous_response_id',
    );
  }
  const session = conversation ?? headerSession;
  return { sessionId: session, previous: session === null ? null : 'session' };
}
