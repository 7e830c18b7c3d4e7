import { readableJson } from '../../../common/json/readable.js';
import { passedThroughOf } from '../../../common/passed-through.js';
import type { Addressee } from '../addressee.js';
import type { ModelCall } from '../models.messages.js';
import type { Dialect, WholeAnswerText } from './dialect.js';
import { completionOfResponse } from './response-answer.js';
import { ResponseFrames } from './response-frames.js';

/** OpenAI's Responses, passed through: what is sent and what comes goes on as it is, but for the name of the model. */
class Responses implements Dialect {
  request({ request }: ModelCall, { upstreamModel }: Addressee): string {
    return passedThroughOf(request)!.with({ model: JSON.stringify(upstreamModel) });
  }

  frames(): ResponseFrames {
    return new ResponseFrames();
  }

  plain(text: string): WholeAnswerText {
    const data = readableJson(text);
    return { text, data: completionOfResponse(data) ?? data };
  }
}

export const RESPONSES: Dialect = new Responses();
