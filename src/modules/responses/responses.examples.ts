import { messageItem, textPart } from './output-items.js';
import { codeOf, createdAt, itemIdOf, ownSessionId, responseIdOf } from './response-id.js';
import { BEGUN, ResponseWriter } from './response-object.js';
import { responseSchema, responseStreamSchema } from './response.schemas.js';

// Examples of the OpenAPI document; each request runs as it stands against a freshly started service.

const ulid = '01KAR5F3G0V8S4R1N2Q7W6X5YZ';
const name = { ulid, sessionId: ownSessionId(ulid) };
export const EXAMPLE_RESPONSE_ID = responseIdOf(codeOf(name));

const question = 'What is the capital of France?';

export const responsesExamples = {
  plain: { summary: 'A plain answer', value: { model: 'auto', input: question } },
  streamed: { summary: 'A streamed answer', value: { model: 'auto', input: question, stream: true } },
  conversation: {
    summary: 'Instructions and messages, in a conversation',
    value: {
      model: 'auto',
      instructions: 'Answer in one sentence.',
      conversation: 'trip-to-paris',
      input: [{ role: 'user', content: [{ type: 'input_text', text: question }] }],
    },
  },
};

const written = new ResponseWriter(name, {}).write({
  ...BEGUN,
  status: 'completed',
  model: 'llama3.2',
  output: [JSON.stringify(messageItem(itemIdOf('msg', 0, codeOf(name)), [textPart('Paris.')], 'completed'))],
  usage: { prompt_tokens: 12, completion_tokens: 2, total_tokens: 14 },
  completedAt: createdAt(name) + 1,
});

export const storedExample = JSON.parse(written) as object;

export const responseExample = {
  'application/json': { schema: responseSchema, example: storedExample },
  'text/event-stream': {
    schema: responseStreamSchema,
    example: `event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"${EXAMPLE_RESPONSE_ID}"}}\n\n`,
  },
};
