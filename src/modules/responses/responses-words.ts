import { DoorWords, type Vocabulary } from '../../common/door-words.js';

/** What `chatFormOf` makes of a request, the other way round. */
const VOCABULARY: Vocabulary = {
  fields: [
    [/^response_format\b.*/s, 'text.format'],
    [/^max_(completion_)?tokens$/, 'max_output_tokens'],
    [/^reasoning_effort$/, 'reasoning.effort'],
    [/^verbosity$/, 'text.verbosity'],
    [/^logprobs$/, 'include'],
    [/^stream_options\b.*/s, 'stream'],
    // those of namespaces stand in one list with the others, and not all are sent on
    [/^tools\b.*\bfunction\b.*/s, 'tools'],
    [/^tool_choice\b.*/s, 'tool_choice'],
    [/^responses_request\b.*/s, ''], // all that is passed through
  ],
  phrases: [
    ['response_format', 'text.format'],
    ['max_tokens', 'max_output_tokens'],
    ['text, image_url or file', 'input_text, input_image or input_file'],
    ['image_url parts', 'input_image parts'],
    ['The messages take', 'The input takes'],
    ['Shorten the messages', 'Shorten the input'],
  ],
  list: 'input',
  tail: /^\.(role|content(\[\d+\])?(\.type)?)(?![\w-])/,
};

/** The names that a request for a response has. */
export class ResponsesWords extends DoorWords {
  protected readonly vocabulary = VOCABULARY;

  /** @param known places of the messages that were sent on @param isBehindTurns whether stored ones may stand in front */
  constructor(
    private readonly known: readonly string[],
    isBehindTurns: boolean,
  ) {
    super(isBehindTurns);
  }

  protected places(): readonly string[] {
    return this.known;
  }
}
