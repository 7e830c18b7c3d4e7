/** What the upstream answers. Sizes are those of OpenAI's own answers: about 1 kB plain, about 200 B a chunk. */

export const FIREHOSE_CHUNKS = 2_000;
/** As many as a usual answer has; `each` writes every one by itself, `burst` all at once. */
export const STREAM_CHUNKS = 64;
export const PACED_CHUNKS = 64;
export const PACE_MS = 20;

const SENTENCE = 'The quick brown fox jumps over the lazy dog while the router counts its tokens. ';

/** The object of a plain answer of about 1 kB. The id is as long as that of an answer which the router gives once more. */
export const PLAIN_COMPLETION = {
  id: 'chatcmpl-BENCHaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  object: 'chat.completion',
  created: 1_764_000_000,
  model: 'bench-model-2026-01-01',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: SENTENCE.repeat(7), refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: {
    prompt_tokens: 30,
    completion_tokens: 120,
    total_tokens: 150,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  },
  service_tier: 'default',
  system_fingerprint: 'fp_bench00000',
};
/** Of the answer's text, which the router and the bare proxy hand on as it came. */
export const PLAIN_BYTES = Buffer.byteLength(JSON.stringify(PLAIN_COMPLETION));

/** One content frame, as SSE text. `more` is put in front of the choices, raw. */
export function contentFrame(content: string, more = ''): string {
  return (
    `data: {"id":"chatcmpl-BENCHaaaaaaaaaaaaaaaaaaaaaaa","object":"chat.completion.chunk","created":1764000000,` +
    `"model":"bench-model-2026-01-01",${more}"choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}},` +
    `"logprobs":null,"finish_reason":null}]}\n\n`
  );
}

/** Finish frame, usage frame and the end, as SSE text. */
export const STREAM_TAIL =
  contentFrame('').replace('{"content":""}', '{}').replace('"finish_reason":null', '"finish_reason":"stop"') +
  contentFrame('').replace(
    /"choices":.*\}\]\}/,
    `"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":${FIREHOSE_CHUNKS},"total_tokens":${FIREHOSE_CHUNKS + 30}}}`,
  ) +
  'data: [DONE]\n\n';

/** Where a paced frame carries the time it was written: microseconds since 1970, 16 digits. */
export const STAMP_KEY = '"sent_us":';
export const STAMP_DIGITS = 16;

/** The models of the bench; each is also the first segment of its path at the upstream. */
export type BenchModel = 'plain' | 'firehose' | 'each' | 'burst' | 'paced';

/** The body of every benchmark request; `salt` makes one differ from the next. */
export function requestBody(model: BenchModel, stream: boolean, salt = ''): string {
  return JSON.stringify({
    model,
    ...(stream ? { stream: true } : {}),
    max_tokens: 256,
    temperature: 0.2,
    messages: [
      { role: 'system', content: 'You are a helpful assistant. Answer in one paragraph.' },
      { role: 'user', content: `Write a short note about foxes and dogs for a children's book.${salt}` },
    ],
  });
}

/** Where a body carries a number of its own, 10 digits that are written over for every request. */
export const NUMBER_KEY = '"seed":';
export const NUMBER_DIGITS = 10;

/** The same question with a `seed`: no other request is the same, so no answer of the cache is one to it. */
export function numberedBody(model: BenchModel, stream: boolean, prompt: string): string {
  return JSON.stringify({
    model,
    ...(stream ? { stream: true } : {}),
    max_tokens: 256,
    temperature: 0.2,
    seed: 10 ** (NUMBER_DIGITS - 1),
    messages: [{ role: 'user', content: prompt }],
  });
}
