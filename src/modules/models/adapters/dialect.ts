import { readableJson } from '../../../common/json/readable.js';
import type { Addressee } from '../addressee.js';
import type { ModelCall } from '../models.messages.js';
import { upstreamText } from '../upstream-body.js';
import { StreamFrames } from './stream-frames.js';

/** How a chat request is said to one kind of server, and how its answers are read as chat completions. */
export interface Dialect {
  /**
   * The JSON that the server gets.
   *
   * @throws UpstreamFailure `bad_request`, with the field, where the protocol has no word for what is asked
   */
  request(call: ModelCall, target: Addressee): string;
  /** What reads the events of a streamed answer. */
  frames(call: Pick<ModelCall, 'request' | 'partialAnswer'>): StreamFrames;
  /** A whole answer; what is none (an error) as it came. */
  plain(text: string): WholeAnswerText;
}

/** The body of a plain answer. */
export interface WholeAnswerText {
  /** As it goes to the caller's door. */
  readonly text: string;
  /** The data of it as a chat completion; `undefined` = no JSON. */
  readonly data: unknown;
}

/** OpenAI's chat completions: what comes goes on as it is. */
class ChatCompletions implements Dialect {
  request(call: ModelCall, target: Addressee): string {
    return upstreamText(call, target);
  }

  frames({ request }: Pick<ModelCall, 'request'>): StreamFrames {
    return new StreamFrames(request.n ?? 1);
  }

  plain(text: string): WholeAnswerText {
    return { text, data: readableJson(text) };
  }
}

export const CHAT_COMPLETIONS: Dialect = new ChatCompletions();
