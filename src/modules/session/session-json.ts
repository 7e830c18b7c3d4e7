import type { SessionContent } from './session-reader.js';
import type { SessionSummary, SummaryPage } from './session-index.js';
import type { Turn } from './session.messages.js';
import { insightsOf } from './session-insights.js';
import type { ExportResponse, SessionListResponse, SessionResponse } from './session.schemas.js';

export function toListJson({ sessions, hasMore }: SummaryPage): SessionListResponse {
  return {
    object: 'list',
    data: sessions.map((summary) => ({
      ...heading(summary),
      turn_count: summary.turnCount,
      cost_usd: summary.costUsd,
    })),
    first_id: sessions[0]?.id ?? null,
    last_id: sessions.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

export function toSessionJson({ summary, turns }: SessionContent): SessionResponse {
  return { ...heading(summary), turns: turns.map(toTurnJson) };
}

export function toExportJson(session: SessionContent, at: Date): ExportResponse {
  return {
    object: 'session.export',
    exported_at: at.toISOString(),
    session: toSessionJson(session),
    insights: insightsOf(session.turns),
  };
}

const heading = ({ id, title, createdAt, updatedAt }: SessionSummary) => ({
  id,
  title,
  created_at: createdAt,
  updated_at: updatedAt,
});

const toTurnJson = (turn: Turn): SessionResponse['turns'][number] => ({
  id: turn.id,
  at: turn.at,
  request_id: turn.requestId,
  messages: turn.messages,
  target: turn.target,
  tier: turn.tier,
  model: turn.model,
  simulated: turn.simulated,
  usage: turn.usage,
  cost_usd: turn.costUsd,
  latency_ms: turn.latencyMs,
});
