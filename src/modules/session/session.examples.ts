import { EXAMPLE_SESSION_ID } from '../../common/session-id.js';
import { summaryOf } from './session-index.js';
import { insightsOf, toExportJson, toListJson, toSessionJson } from './session-json.js';
import type { Turn } from './session.messages.js';
import type { DeletedResponse } from './session.schemas.js';

// The examples of the API documentation: one short conversation.

const turn: Turn = {
  id: '01KAR5F3G0V8S4R1N2Q7W6X5YZ',
  at: '2026-11-23T09:00:00.000Z',
  requestId: 'req-4f1c',
  messages: [
    { role: 'user', content: 'When is the sun up in Oslo in June?' },
    { role: 'assistant', content: 'From about 04:00 to 22:40.' },
  ],
  target: 'local',
  tier: 'local',
  model: 'llama3.2',
  simulated: false,
  usage: { prompt_tokens: 17, completion_tokens: 12, total_tokens: 29 },
  costUsd: 0,
  latencyMs: 412,
  cached: false,
  fallback: false,
};
const summary = summaryOf(EXAMPLE_SESSION_ID, [turn]);
const session = { summary, turns: [turn] };

export const listExample = toListJson({ sessions: [summary], hasMore: false });
export const sessionExample = toSessionJson(session);
export const deletedExample: DeletedResponse = { id: EXAMPLE_SESSION_ID, object: 'session.deleted', deleted: true };
export const insightsExample = insightsOf(session.turns);
export const exportExample = toExportJson(session, new Date('2026-11-23T10:00:00.000Z'));
