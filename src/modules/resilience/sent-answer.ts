import type { ChatChunk, Choice, Completion } from '../../common/chat.js';

/** Reasoning under the names servers give it; it is shown and never joined. */
export const REASONING_FIELDS = ['reasoning_content', 'reasoning'] as const;

/** What the caller has of a streamed answer with one choice. */
export class SentAnswer {
  text = '';
  /** Frames with text; servers send one token a frame. */
  tokens = 0;
  hasReasoning = false;
  /** Whether text (and reasoning) is all there is: a tool call, a refusal or audio cannot be joined. */
  isText = true;
  /** The fields that name the answer; they stay the same when another attempt goes on with it. */
  name: Pick<Completion, 'id' | 'created'> = {};

  note({ frames }: ChatChunk): void {
    for (const { json } of frames) {
      if (this.name.id === undefined) this.name = nameOf(json);
      const choice = json.choices?.[0];
      if (choice) this.noteChoice(choice);
    }
  }

  private noteChoice({ delta = {} }: Choice): void {
    if (typeof delta.content === 'string' && delta.content !== '') {
      this.text += delta.content;
      this.tokens += 1;
    }
    if (delta.tool_calls || delta['function_call'] || delta['refusal'] || delta['audio']) this.isText = false;
    if (REASONING_FIELDS.some((field) => delta[field])) this.hasReasoning = true;
  }
}

function nameOf({ id, created }: Completion): Pick<Completion, 'id' | 'created'> {
  return { ...(id === undefined ? {} : { id }), ...(created === undefined ? {} : { created }) };
}
