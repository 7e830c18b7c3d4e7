import type { Asking } from './plan.js';
import type { Prompt } from './prompts.js';

/** What goes out for one request. */
export interface Question {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const COMMON_QUESTIONS = 10;

/** mulberry32: 0 to 1 for a seed and a number, the same on every machine. */
export function randomAt(seed: number, number: number): number {
  let state = (seed + Math.imul(number + 1, 0x6d2b79f5)) | 0;
  state = Math.imul(state ^ (state >>> 15), state | 1);
  state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
  return ((state ^ (state >>> 14)) >>> 0) / 4_294_967_296;
}

/** Makes questions: the same seed asks the same ones in the same order of a caller. */
export class Questions {
  private readonly turnsBegun = new Map<number, number>();
  private readonly fixed: Readonly<Record<string, string>>;

  constructor(private readonly asking: Asking) {
    this.fixed = { 'content-type': 'application/json', ...asking.headers };
  }

  /**
   * @param number of the request in this run, from 0
   * @param caller user of a closed loop, or the number again in an open one: who shares keys and conversations
   */
  of(number: number, caller: number): Question {
    const { model, stream, maxTokens, keys, sessions } = this.asking;
    const messages = this.messages(number);
    const body = JSON.stringify({
      model,
      messages,
      ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
      ...(maxTokens === null ? {} : { max_tokens: maxTokens }),
    });
    const key = keys[caller % keys.length];
    return {
      body,
      headers: {
        ...this.fixed,
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(sessions === 0 ? {} : { 'x-session-id': this.session(caller % sessions) }),
      },
    };
  }

  private messages(number: number): unknown {
    const { prompts, same, verbatim, repeats, seed } = this.asking;
    if (same) return asMessages(prompts[0] as Prompt, '');
    if (verbatim) return asMessages(prompts[number % prompts.length] as Prompt, '');
    const chance = randomAt(seed, number);
    if (chance < repeats) {
      const common = Math.floor((chance / repeats) * COMMON_QUESTIONS);
      const mark = prompts.length > 1 ? '' : ` (common ${seed}-${common})`;
      return asMessages(prompts[common % prompts.length] as Prompt, mark);
    }
    return asMessages(prompts[number % prompts.length] as Prompt, ` (${seed}-${number})`);
  }

  /** After its turns a conversation makes room for a new one. */
  private session(slot: number): string {
    const begun = this.turnsBegun.get(slot) ?? 0;
    this.turnsBegun.set(slot, begun + 1);
    return `load-${this.asking.seed}-${slot}-${Math.floor(begun / this.asking.turns)}`;
  }
}

/** @param mark added to the text of the last message, so that it is another question */
function asMessages(prompt: Prompt, mark: string): unknown {
  if ('prompt' in prompt) return [{ role: 'user', content: prompt.prompt + mark }];
  if (mark === '') return prompt.messages;
  const last = prompt.messages.at(-1) as { role: string; content: unknown };
  if (typeof last.content === 'string') {
    return [...prompt.messages.slice(0, -1), { ...last, content: last.content + mark }];
  }
  return [...prompt.messages, { role: 'user', content: mark.trim() }];
}
