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

/**
 * The prompt in lower case, without the greetings and thanks around it and at most `HEAD + TAIL` characters long, so
 * that manners, case and a pasted book change neither the decision nor its time.
 */
export function plainPrompt(text: string): string {
  const part = text.length > HEAD + TAIL ? `${text.slice(0, HEAD)}\n${text.slice(-TAIL)}` : text;
  return withoutClosing(withoutOpening(part.toLowerCase()));
}

function withoutOpening(lower: string): string {
  let rest = lower;
  for (let i = 0; i < MOST_REMOVED; i += 1) {
    const found = OPENING.exec(rest.slice(0, EDGE));
    // a message that is nothing but a greeting stays what it is
    if (!found || found[0].length === 0 || found[0].length === rest.length) return rest;
    rest = rest.slice(found[0].length);
  }
  return rest;
}

function withoutClosing(lower: string): string {
  let rest = lower;
  for (let i = 0; i < MOST_REMOVED; i += 1) {
    const from = Math.max(0, rest.length - EDGE);
    const found = CLOSING.exec(rest.slice(from));
    if (!found || from + found.index === 0) return rest;
    // the sign before the thanks belongs to the question
    rest = rest.slice(0, from + found.index + (/^[.!?]/.test(found[0]) ? 1 : 0));
  }
  return rest;
}
