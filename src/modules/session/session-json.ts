import type { SessionContent } from './session-reader.js';
import { totalCost, type SessionSummary, type SummaryPage } from './session-index.js';
import type { Turn } from './session.messages.js';
import { toTurnJson } from './turn-document.js';
import type { ExportResponse, InsightsResponse, SessionListResponse, SessionResponse } from './session.schemas.js';

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

/**
 * What happened in a session, from its turns, oldest first. A model switch is a turn answered by another target than
 * the turn before it. Turns without usage count as 0 tokens; `cost_usd` is null when one turn's cost is unknown.
 */
export function insightsOf(turns: readonly Turn[]): InsightsResponse {
  return {
    turns: turns.length,
    model_switches: turns.filter((turn, i) => i > 0 && turn.target !== turns[i - 1]!.target).length,
    targets: targetShares(turns),
    latency_ms: latencies(turns),
    usage: {
      prompt_tokens: sum(turns, 'prompt_tokens'),
      completion_tokens: sum(turns, 'completion_tokens'),
      total_tokens: sum(turns, 'total_tokens'),
    },
    cost_usd: totalCost(turns),
    cache_hits: turns.filter(({ cached }) => cached).length,
    fallbacks: turns.filter(({ fallback }) => fallback).length,
  };
}

function targetShares(turns: readonly Turn[]): InsightsResponse['targets'] {
  const counts = new Map<string, { turns: number; simulated: boolean }>();
  for (const { target, simulated } of turns) {
    const known = counts.get(target);
    counts.set(target, { turns: (known?.turns ?? 0) + 1, simulated: simulated || known?.simulated === true });
  }
  return Object.fromEntries(
    [...counts].map(([id, { turns: n, simulated }]) => [
      id,
      { turns: n, share: n / turns.length, ...(simulated ? { simulated } : {}) },
    ]),
  );
}

function latencies(turns: readonly Turn[]): InsightsResponse['latency_ms'] {
  if (turns.length === 0) return null;
  const sorted = turns.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  // Nearest rank: the smallest value that at least `p` percent of all values do not exceed.
  const percentile = (p: number): number => sorted[Math.ceil((p / 100) * sorted.length) - 1]!;
  return {
    avg: sorted.reduce((total, ms) => total + ms, 0) / sorted.length,
    p50: percentile(50),
    p95: percentile(95),
    min: sorted[0]!,
    max: sorted.at(-1)!,
  };
}

function sum(turns: readonly Turn[], field: 'prompt_tokens' | 'completion_tokens' | 'total_tokens'): number {
  return turns.reduce((total, { usage }) => total + (usage?.[field] ?? 0), 0);
}
