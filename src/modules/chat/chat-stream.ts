import type { AppError } from '../../common/app-error.js';
import { isUsageOnly, type ChatChunk } from '../../common/chat.js';
import { KEEP_ALIVE_COMMENT, type StreamForm } from '../../common/http/sse-writer.js';

const DONE = 'data: [DONE]\n\n';

/** OpenAI's chat completions as a stream: frames go out as they came; there is no `[DONE]` after an error. */
export class ChatStream implements StreamForm {
  readonly keepAlive = KEEP_ALIVE_COMMENT;

  /** @param withUsage whether the caller asked for the usage chunk */
  constructor(private readonly withUsage: boolean) {}

  chunk({ frames }: ChatChunk): string {
    let text = '';
    for (const frame of frames) {
      if (frame.wire !== undefined) text += frame.wire;
      else if (this.withUsage || !isUsageOnly(frame)) text += `data: ${frame.text}\n\n`;
    }
    return text;
  }

  end(): string {
    return DONE;
  }

  error(error: AppError): string {
    return `data: ${JSON.stringify(error.toBody())}\n\n`;
  }
}
