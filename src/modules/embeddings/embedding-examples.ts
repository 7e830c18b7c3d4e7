import { z } from 'zod';

/** Examples of the OpenAPI document; each request runs as it stands against a freshly started service. */
export const embeddingExamples = {
  text: { summary: 'One text', value: { model: 'auto', input: 'The capital of France is Paris.' } },
  texts: {
    summary: 'Several texts, as shorter vectors',
    value: { model: 'auto', input: ['Paris is in France.', 'Rome is in Italy.'], dimensions: 64 },
  },
  base64: {
    summary: 'As base64, as the clients of OpenAI ask for it',
    value: { model: 'auto', input: ['Paris is in France.'], encoding_format: 'base64' },
  },
};

const embedding = z.looseObject({
  object: z.literal('embedding'),
  index: z.int().describe('Place of its input.'),
  embedding: z
    .union([z.array(z.number()), z.string()])
    .describe('Numbers, or with encoding_format base64 their little-endian 32-bit floats.'),
});

export const embeddingListSchema = z.looseObject({
  object: z.literal('list'),
  data: z.array(embedding).describe('In the order of the inputs.'),
  model: z.string().describe('The model that made them, as its server names it.'),
  usage: z.looseObject({ prompt_tokens: z.int(), total_tokens: z.int() }),
  simulated: z.boolean().optional().describe('true when no real model made them: they mean nothing.'),
});

export const embeddingListExample = {
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding: [0.6, -0.8] }],
  model: 'text-embedding-3-small',
  usage: { prompt_tokens: 8, total_tokens: 8 },
};
