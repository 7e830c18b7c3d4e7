import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Turn } from '../../src/modules/session/session.messages.js';
import type { SessionKey } from '../../src/common/session-id.js';
import { toStoredTurn, type StoredTurn } from '../../src/modules/session/stored-turn.js';

/** Time zero of the samples, epoch milliseconds. */
export const START = Date.parse('2026-11-23T09:00:00.000Z');

export const KEY: SessionKey = { tenant: 'acme', sessionId: 'one' };
/** The same session id under another tenant. */
export const FOREIGN_KEY: SessionKey = { tenant: 'globex', sessionId: 'one' };

/** A turn whose id and time grow with `n`. */
export function sampleTurn(n: number, changes: Partial<Turn> = {}): Turn {
  return {
    id: `01KA${String(n).padStart(22, '0')}`,
    at: new Date(START + n).toISOString(),
    requestId: `req-${n}`,
    messages: [
      { role: 'user', content: `question ${n}` },
      { role: 'assistant', content: `answer ${n}` },
    ],
    target: 'local',
    tier: 'local',
    model: 'llama3.2',
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    costUsd: 0.25,
    latencyMs: 100 + n,
    cached: false,
    simulated: false,
    fallback: false,
    ...changes,
  };
}

export const storedTurn = (n: number, changes: Partial<Turn> = {}, retentionDays = 30): StoredTurn =>
  toStoredTurn(sampleTurn(n, changes), retentionDays);

export const idsOf = (turns: readonly StoredTurn[]): string[] => turns.map(({ turn }) => turn.id);

/** A clock that stands until it is moved. */
export class TestClock {
  ms = START;
  readonly now = (): number => this.ms;
}

export class TemporaryFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'router-session-'));

  get database(): string {
    return join(this.path, 'data', 'router.db');
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
