import { DoorWords, type Vocabulary } from '../../common/door-words.js';
import { messagePlaces } from './chat-messages.js';
import type { MessagesRequest } from './messages-request.schema.js';

/** What `chatRequestOf` makes of a request, the other way round. */
const VOCABULARY: Vocabulary = {
  fields: [
    [/^response_format\b.*/s, 'output_config.format'],
    [/^max_completion_tokens$/, 'max_tokens'],
    [/^stop\b.*/s, 'stop_sequences'],
    [/^user$/, 'metadata.user_id'],
    [/^stream_options\b.*/s, 'stream'],
    [/^parallel_tool_calls$/, 'tool_choice.disable_parallel_tool_use'],
    [/^(tools(?:\.?\[\d+\]|\.\d+)).*\.parameters\b.*/s, '$1.input_schema'],
    [/^(tools(?:\.?\[\d+\]|\.\d+))\.function\b/, '$1'],
    [/^tool_choice\b.*/s, 'tool_choice'],
  ],
  phrases: [
    ['response_format', 'output_config.format'],
    ['text, image_url or file', 'text, image or document blocks'],
    ['image_url parts', 'image blocks'],
  ],
  list: 'messages',
  tail: /^\.(role|content)\b/,
};

/** The names that a request of this door has. */
export class MessagesWords extends DoorWords {
  protected readonly vocabulary = VOCABULARY;

  /** @param isBehindTurns whether stored turns may go out in front of its messages */
  constructor(
    private readonly body: MessagesRequest,
    isBehindTurns: boolean,
  ) {
    super(isBehindTurns);
  }

  /** The effort comes from either of two fields. */
  override field(param: string, isQuoted: boolean): string | null {
    if (param !== 'reasoning_effort') return super.field(param, isQuoted);
    return this.body.output_config?.effort ? 'output_config.effort' : 'thinking';
  }

  protected places(): readonly string[] {
    return messagePlaces(this.body.system ?? null, this.body.messages);
  }
}
