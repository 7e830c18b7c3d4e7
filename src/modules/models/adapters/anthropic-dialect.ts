import { readableJson } from '../../../common/json/readable.js';
import type { Addressee } from '../addressee.js';
import type { ModelCall } from '../models.messages.js';
import { completionText } from './anthropic-answer.js';
import { messagesRequest } from './anthropic-request.js';
import { MessagesFrames } from './anthropic-stream.js';
import type { Dialect, WholeAnswerText } from './dialect.js';

/** Anthropic's Messages. */
class Messages implements Dialect {
  request(call: ModelCall, target: Addressee): string {
    return messagesRequest(call, target);
  }

  frames({ partialAnswer }: Pick<ModelCall, 'partialAnswer'>): MessagesFrames {
    const space = partialAnswer === null ? '' : partialAnswer.slice(partialAnswer.trimEnd().length);
    return new MessagesFrames(now(), space);
  }

  plain(text: string): WholeAnswerText {
    const chat = completionText(text, now());
    return { text: chat, data: readableJson(chat) };
  }
}

const now = (): number => Math.floor(Date.now() / 1_000);

export const MESSAGES: Dialect = new Messages();
