import { z } from 'zod';
import { EXAMPLE_RESPONSE_ID } from './responses.examples.js';
import { responseObject } from './response.schemas.js';

export const responseParams = z.object({
  id: z.string().max(300).describe('`id` of a response.').meta({ example: EXAMPLE_RESPONSE_ID }),
});

/** A stored response is whole: there is no stream of it to go on with. */
export const retrieveQuery = z.object({
  stream: z
    .enum(['false', '0'], 'a stored response is not streamed again; leave it out')
    .optional()
    .describe('Only false: a stored response is not streamed again.'),
});

export const inputQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('Items per page.'),
  order: z.enum(['asc', 'desc']).default('desc').describe('desc = the latest first.'),
  after: z.string().max(300).optional().describe('Id of the last item of the page before (`last_id`).'),
});
export type InputQuery = z.output<typeof inputQuery>;

export const storedResponse = responseObject;

export const inputResponse = z.object({
  object: z.literal('list'),
  data: z.array(z.looseObject({ id: z.string(), type: z.string() })),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

export const deletedResponse = z.object({ id: z.string(), object: z.literal('response'), deleted: z.literal(true) });

export const deletedExample = { id: EXAMPLE_RESPONSE_ID, object: 'response' as const, deleted: true as const };

const item = {
  id: `msg_i0_${EXAMPLE_RESPONSE_ID.slice('resp_'.length)}`,
  type: 'message',
  role: 'user',
  status: 'completed',
  content: [{ type: 'input_text', text: 'What is the capital of France?' }],
};
export const inputExample = {
  object: 'list' as const,
  data: [item],
  first_id: item.id,
  last_id: item.id,
  has_more: false,
};
