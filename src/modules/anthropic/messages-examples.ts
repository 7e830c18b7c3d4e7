import { messageSchema, messageStreamSchema, tokenCountSchema } from './messages-answer.schemas.js';

/** Examples of the OpenAPI document; each request runs as it stands against a freshly started service. */
const question = [{ role: 'user', content: 'What is the capital of France?' }];

export const messageExamples = {
  plain: { summary: 'A plain answer', value: { model: 'auto', max_tokens: 256, messages: question } },
  streamed: {
    summary: 'A streamed answer',
    value: { model: 'auto', max_tokens: 256, messages: question, stream: true },
  },
  conversation: {
    summary: 'A system prompt with a mark for caches, and an earlier turn',
    value: {
      model: 'auto',
      max_tokens: 256,
      system: [{ type: 'text', text: 'Answer in one sentence.', cache_control: { type: 'ephemeral' } }],
      messages: [
        { role: 'user', content: 'Who wrote Faust?' },
        { role: 'assistant', content: [{ type: 'text', text: 'Goethe.' }] },
        { role: 'user', content: [{ type: 'text', text: 'When?' }] },
      ],
    },
  },
};

export const messageResponseExample = {
  'application/json': {
    schema: messageSchema,
    example: {
      id: 'msg_01J0000000000000000000000',
      type: 'message',
      role: 'assistant',
      model: 'llama3.2',
      content: [{ type: 'text', text: 'Paris.' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 12, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 2 },
    },
  },
  'text/event-stream': {
    schema: messageStreamSchema,
    example:
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Paris."}}\n\n',
  },
};

export const countExamples = {
  question: { summary: 'A question', value: { model: 'auto', messages: question } },
};

export const countResponseExample = {
  'application/json': { schema: tokenCountSchema, example: { input_tokens: 12, estimated: true } },
};
