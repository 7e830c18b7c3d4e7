import type { ChatChunk, Choice, Completion } from '../../common/chat.js';
import { TextRun } from '../../common/text-run.js';
import { readUsage } from '../../common/usage.js';

/** Reasoning under the names servers give it (src/common/reasoning.ts); it is shown and never joined. */
export const REASONING_FIELDS = ['reasoning_content', 'reasoning', 'thinking', 'reasoning_details'] as const;

/** What the caller has of a streamed answer with one choice. */
export class SentAnswer {
  text = '';
  /** Frames with text, as servers send one token a frame; more where the server counts along. */
  tokens = 0;
  hasReasoning = false;
  /** Whether text (and reasoning) is all there is: a tool call, a refusal or audio cannot be joined. */
  isText = true;
  /** What names the answer stays the same when another attempt goes on with it. Azure's first frame has none of it. */
  private id: string | undefined;
  private created: number | undefined;

  get name(): Pick<Completion, 'id' | 'created'> {
    const { id, created } = this;
    return { ...(id === undefined ? {} : { id }), ...(created === undefined ? {} : { created }) };
  }

  note({ frames }: ChatChunk): void {
    for (const frame of frames) {
      if (frame instanceof TextRun) {
        this.noteRun(frame);
        continue;
      }
      const { json } = frame;
      this.id ||= json.id;
      this.created ||= json.created;
      const choice = json.choices?.[0];
      if (choice) this.noteChoice(choice);
      if (json.usage) this.tokens = Math.max(this.tokens, readUsage(json.usage)?.completion_tokens ?? 0);
    }
  }

  private noteRun({ field, piece, frames }: TextRun): void {
    if (piece === '') return;
    if (field !== 'content') this.hasReasoning = true;
    else {
      this.text += piece;
      this.tokens += frames;
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
