import type { ChatChunk, ChatFrame, Choice, Completion, Delta } from '../../common/chat.js';
import { exactCompletion } from '../../common/answer-shape.js';
import { readUsage } from '../../common/usage.js';
import { AnswerSplice, NotJoinable } from './answer-splice.js';
import { REASONING_FIELDS, type SentAnswer } from './sent-answer.js';

/** Rewrites the frames of the attempt that goes on with a cut answer, so that they continue what the caller has. */
export class ResumedFrames {
  private readonly splice: AnswerSplice;
  private readonly name: Pick<Completion, 'id' | 'created'>;
  private readonly sentTokens: number;
  private readonly sentCharacters: number;
  private readonly withoutReasoning: boolean;

  /** @param continues whether the model was given what was sent and goes on from there */
  constructor(
    sent: SentAnswer,
    private readonly continues: boolean,
  ) {
    this.splice = new AnswerSplice(sent.text, continues);
    this.name = sent.name;
    this.sentTokens = sent.tokens;
    this.sentCharacters = sent.text.length;
    // behind text it would part the answer: doors that write blocks or items would begin new ones
    this.withoutReasoning = sent.hasReasoning || sent.text !== '';
  }

  /** `null` when nothing of the chunk is new. @throws NotJoinable */
  rewritten({ frames }: ChatChunk): ChatChunk | null {
    const out = frames.flatMap((frame) => this.frame(exactCompletion(frame)) ?? []);
    return out.length > 0 ? { frames: out } : null;
  }

  private frame(json: Completion): ChatFrame | null {
    const usage = json.usage ? { usage: this.usageOf(json.usage) } : {};
    const [choice] = json.choices ?? [];
    const next = choice ? this.choice(choice) : null;
    if (choice && !next && !json.usage) return null;
    return frameOf({ ...json, ...this.name, ...usage, choices: next ? [next] : [] });
  }

  private choice({ delta = {}, ...choice }: Choice): Choice | null {
    const { role: _, content, ...others } = delta;
    if (this.withoutReasoning) for (const field of REASONING_FIELDS) delete others[field];
    const isOther = Object.values(others).some((value) => value !== null && value !== undefined);
    if ((others.tool_calls || others['function_call']) && !this.splice.joint) throw new NotJoinable();
    let text = typeof content === 'string' ? this.splice.push(content) : '';
    if (choice.finish_reason) text += this.splice.end();
    if (text === '' && !isOther && !choice.finish_reason) return null;
    const spliced: Delta = text === '' ? others : { ...others, content: text };
    return { ...choice, delta: spliced };
  }

  /**
   * What the caller received: what was sent before counts on top of a continuation, but not of an answer told again. What
   * was sent and then given to the model as its own beginning is no prompt of the caller's.
   */
  private usageOf(reported: unknown): unknown {
    const again = this.tokensToldAgain();
    if (!this.continues && again === this.sentTokens) return reported;
    const usage = readUsage(reported);
    if (usage?.prompt_tokens == null || usage.completion_tokens == null) return reported;
    const { prompt_tokens: prompt, completion_tokens: completion } = usage;
    const own = this.continues ? Math.max(0, prompt - this.sentTokens) : prompt;
    const all = completion + this.sentTokens - again;
    return { ...usage, prompt_tokens: own, completion_tokens: all, total_tokens: own + all };
  }

  private tokensToldAgain(): number {
    const { joint, droppedCharacters } = this.splice;
    if (joint === 'continuation' || (joint === null && this.continues)) return 0;
    if (joint !== 'overlap') return this.sentTokens;
    return Math.round((this.sentTokens * droppedCharacters) / this.sentCharacters);
  }
}

const frameOf = (json: Completion): ChatFrame => ({ text: JSON.stringify(json), json });
