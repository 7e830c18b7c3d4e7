import { EXAMPLE_SESSION_ID } from '../../common/session-id.js';
import type { DeletedResponse, InsightsResponse, SessionListResponse, SessionResponse } from './session.schemas.js';

// The examples of the API documentation: one short conversation.

const heading = {
  id: EXAMPLE_SESSION_ID,
  title: 'When is the sun up in Oslo in June?',
  created_at: '2026-11-23T09:00:00.000Z',
  updated_at: '2026-11-23T09:00:00.000Z',
};

export const listExample: SessionListResponse = {
  object: 'list',
  data: [{ ...heading, turn_count: 1, cost_usd: 0 }],
  first_id: heading.id,
  last_id: heading.id,
  has_more: false,
};

export const sessionExample: SessionResponse = {
  ...heading,
  turns: [
    {
      id: '01KAR5F3G0V8S4R1N2Q7W6X5YZ',
      at: heading.created_at,
      request_id: 'req-4f1c',
      messages: [
        { role: 'user', content: 'When is the sun up in Oslo in June?' },
        { role: 'assistant', content: 'From about 04:00 to 22:40.' },
      ],
      target: 'local',
      tier: 'local',
      model: 'llama3.2',
      simulated: false,
      usage: { prompt_tokens: 17, completion_tokens: 12, total_tokens: 29 },
      cost_usd: 0,
      latency_ms: 412,
    },
  ],
};

export const deletedExample: DeletedResponse = { id: heading.id, object: 'session.deleted', deleted: true };

export const insightsExample: InsightsResponse = {
  turns: 1,
  model_switches: 0,
  targets: { local: { turns: 1, share: 1 } },
  latency_ms: { avg: 412, p50: 412, p95: 412, min: 412, max: 412 },
  usage: { prompt_tokens: 17, completion_tokens: 12, total_tokens: 29 },
  cost_usd: 0,
  cache_hits: 0,
  fallbacks: 0,
};

export const exportExample = {
  object: 'session.export',
  exported_at: '2026-11-23T10:00:00.000Z',
  session: sessionExample,
  insights: insightsExample,
};
