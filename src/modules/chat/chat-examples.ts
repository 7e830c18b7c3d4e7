import { chatCompletionSchema, chatStreamSchema, decisionSchema, queryAnswerSchema } from './chat-answer.schemas.js';
import { EXAMPLE_SESSION_ID } from '../../common/session-id.js';

/** Examples of the OpenAPI document; each request runs as it stands against a freshly started service. */
const question = [{ role: 'user', content: 'What is the capital of France?' }];

export const chatExamples = {
  plain: { summary: 'A plain answer', value: { model: 'auto', messages: question } },
  streamed: {
    summary: 'A streamed answer with usage',
    value: { model: 'auto', messages: question, stream: true, stream_options: { include_usage: true } },
  },
  conversation: {
    summary: 'System message and an earlier turn',
    value: {
      model: 'auto',
      messages: [
        { role: 'system', content: 'Answer in one sentence.' },
        { role: 'user', content: 'Who wrote Faust?' },
        { role: 'assistant', content: 'Goethe.' },
        { role: 'user', content: 'When?' },
      ],
    },
  },
};

export const chatResponseExample = {
  'application/json': {
    schema: chatCompletionSchema,
    example: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_790_000_000,
      model: 'llama3.2',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Paris.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 12, completion_tokens: 2, total_tokens: 14 },
    },
  },
  'text/event-stream': {
    schema: chatStreamSchema,
    example: 'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Paris."}}]}\n\ndata: [DONE]\n\n',
  },
};

export const queryExamples = {
  question: { summary: 'A question', value: { query: 'What is the capital of France?' } },
  conversation: { summary: 'In a conversation', value: { query: 'And of Spain?', session_id: EXAMPLE_SESSION_ID } },
  options: { summary: 'With options', value: { query: 'Prove that 2 is prime.', strategy: 'rules', max_tokens: 200 } },
};

export const queryResponseExample = {
  'application/json': {
    schema: queryAnswerSchema,
    example: {
      response: 'Paris.',
      source: 'local',
      responseTime: 0.41,
      metadata: {
        request_id: '01J0000000000000000000000',
        timestamp: '2026-11-23T12:00:00.000Z',
        strategy: 'hybrid',
        target: 'local',
        tier: 'local',
        model: 'llama3.2',
        simulated: false,
        score: 0.18,
        confidence: 0.64,
        reason: 'A short factual question.',
        reason_code: 'rule_simple',
        session_id: null,
        context_used: false,
        context_turns: 0,
        cached: false,
        persisted: false,
        fallback: false,
        attempts: [{ target: 'local', outcome: 'ok', ms: 402 }],
        usage: { prompt_tokens: 12, completion_tokens: 2, total_tokens: 14 },
        cost_usd: 0,
      },
    },
  },
};

export const routeExamples = {
  question: { summary: 'A question', value: { query: 'Prove that the square root of 2 is irrational.' } },
  chat: { summary: 'A chat request', value: { model: 'auto', messages: question } },
};

export const routeResponseExample = {
  'application/json': {
    schema: decisionSchema,
    example: {
      strategy: 'hybrid',
      target: 'gpt-large',
      tier: 'cloud',
      simulated: false,
      candidates: ['gpt-large', 'local'],
      excluded: [],
      score: 0.82,
      threshold: 0.5,
      confidence: 0.64,
      reason: 'Asks for a proof.',
      reason_code: 'rule_complex',
      rules: ['proof'],
      features: { tokens: 12 },
      policy_version: 'rules-1',
      took_us: 24,
    },
  },
};
