import { TextCodes } from '../../../common/text-codes.js';
import { endsOf, type Prompt } from '../prompt.js';

/** Longest part of a prompt that is read, characters: its beginning and its end, where the task usually stands. */
const HEAD = 4_000;
const TAIL = 2_000;
/** How far from either end politeness is looked for, characters. */
const EDGE = 160;

/** What people put before a request without changing it; each is taken off until none is left. */
const OPENING =
  /^[\s"'*#>-]*(?:(?:hi|hey|hello|good (?:morning|afternoon|evening|day))(?: there| all| everyone| again| team| assistant| chatgpt| ai)?\s*[,.!:;-]+|(?:please|pls|kindly)\b\s*[,:]?|(?:quick question|question|task|problem|prompt|query|user|q)\s*:|(?:can|could|would|will) you (?:please |kindly )?(?:help me (?:with|out with|to)?|answer|solve|tell me)\b(?: (?:this|the following|with this|my|a))?(?: (?:question|problem|one|task))?\s*[:,?.]*|i (?:have|need|want|would like|d like|'d like)(?: to ask(?: you)?)?(?: your)?(?: some)?(?: a| an| one| help with)?(?: quick| small| simple)?(?: question| help| problem)(?: for you| about this| with this| with the following)?\s*[:,.!]*|(?:help me )?(?:answer|solve) (?:this|the following|the)(?: (?:question|problem|task))?\s*[:,.]+|here(?:'s| is) (?:a|the|my|another) (?:question|problem|task)(?: for you)?\s*[:,.]*|as an? (?:expert|helpful assistant|assistant)\s*,)\s*/;
const CLOSING =
  /(?:^|[\s.!?,;:])(?:(?:many )?thanks(?: a lot| so much| in advance| again| for your help| very much| a million)*|thank you(?: so much| very much| in advance| for your help| for your time| kindly)*|please(?: help(?: me)?| answer| and thank you| explain your answer)?|pls|cheers|i appreciate (?:it|your help|any help)|(?:any|your) help (?:is|would be) (?:much |greatly )?appreciated|(?:much |greatly )?appreciated|let me know(?: what you think)?|take your time|answer\s*:|a\s*:)[\s.!?:)*"']*$/;
const MOST_REMOVED = 3;
const SENTENCE_END = /^[.!?]/;
/** What makes every letter of ASCII a small one. */
const SMALL = 0x20;

/**
 * The prompt in lower case, without the greetings and thanks around it and at most `HEAD + TAIL` characters long, so
 * that manners, case and a pasted book change neither the decision nor its time. Holds one at a time.
 */
export class PlainPrompt {
  /** It is `codes` from `start` to `end`. */
  codes: Uint16Array = new Uint16Array(0);
  start = 0;
  end = 0;
  /** Bits that a letter of ASCII must be given: 0 where the codes are in lower case already. */
  lowering = 0;
  private readonly own = new TextCodes();

  read(prompt: Prompt): this {
    const isShort = prompt.text.length <= HEAD + TAIL;
    const asRead = prompt.isAscii && isShort;
    const text = asRead ? prompt.text : endsOf(prompt.text, HEAD, TAIL).toLowerCase();
    this.codes = asRead ? prompt.codes : this.own.read(text).codes;
    this.lowering = asRead ? SMALL : 0;
    this.start = afterOpenings(text);
    this.end = beforeClosings(text, this.start);
    return this;
  }
}

function afterOpenings(text: string): number {
  let start = 0;
  for (let i = 0; i < MOST_REMOVED; i += 1) {
    const found = OPENING.exec(text.slice(start, start + EDGE).toLowerCase());
    // a message that is nothing but a greeting stays what it is
    if (!found || found[0].length === 0 || found[0].length === text.length - start) return start;
    start += found[0].length;
  }
  return start;
}

function beforeClosings(text: string, start: number): number {
  let end = text.length;
  for (let i = 0; i < MOST_REMOVED; i += 1) {
    const from = Math.max(start, end - EDGE);
    const found = CLOSING.exec(text.slice(from, end).toLowerCase());
    if (!found || from + found.index === start) return end;
    // the sign before the thanks belongs to the question
    end = from + found.index + (SENTENCE_END.test(found[0]) ? 1 : 0);
  }
  return end;
}
