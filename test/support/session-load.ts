import { setTimeout } from 'node:timers/promises';
import { eventually, jsonOf, post } from './router-calls.js';
import type { StoredDocument, StoreStack } from './store-stack.js';

const TURNS_PER_SESSION = 10;
const PAUSE_MS = 10;
const DRAIN_MS = 30_000;

export interface LoadAnswer {
  readonly requestId: string;
  readonly session: string;
  /** HTTP status; 0 = no answer. */
  readonly status: number;
  /** `error.code` of the body. */
  readonly code: string | null;
  readonly persisted: boolean;
  readonly ms: number;
  readonly url: string;
  /** `performance.now()` when it was over. */
  readonly endedAt: number;
}

interface QueryJson {
  readonly metadata?: { readonly persisted: boolean };
  readonly error?: { readonly code: string; readonly message: string };
}

let requests = 0;

/** One turn of a session. */
export async function say(url: string, session: string, query = 'What now?'): Promise<LoadAnswer> {
  const requestId = `r-${process.pid}-${(requests += 1)}`;
  const begun = performance.now();
  const over = (status: number, { metadata, error }: QueryJson): LoadAnswer => {
    const endedAt = performance.now();
    const code = error ? `${error.code}: ${error.message}` : null;
    const persisted = metadata?.persisted === true;
    return { requestId, session, status, code, persisted, ms: endedAt - begun, url, endedAt };
  };
  try {
    const response = await post(`${url}/query`, { query, session_id: session }, { 'x-request-id': requestId });
    const body = await jsonOf<QueryJson>(response);
    return over(response.status, body);
  } catch {
    return over(0, {});
  }
}

/** Callers that each hold one conversation after the other, a turn at a time, each turn on any replica. */
export class SessionLoad {
  readonly answers: LoadAnswer[] = [];
  private running = true;
  private readonly workers: Promise<void>[];

  /** @param pick the replica of the next turn */
  constructor(name: string, callers: number, pick: () => string) {
    this.workers = Array.from({ length: callers }, async (_, caller) => {
      for (let turn = 0; this.running; turn += 1) {
        const session = `${name}-${caller}-${Math.floor(turn / TURNS_PER_SESSION)}`;
        this.answers.push(await say(pick(), session));
        await setTimeout(PAUSE_MS); // a pace, so that the load leaves room for the stores beside it
      }
    });
  }

  /** Resolves when so many more answers have come. */
  async more(count: number, withinMs = 30_000): Promise<void> {
    const goal = this.answers.length + count;
    await eventually(`${count} more answers`, withinMs, () => setTimeout(5, this.answers.length >= goal));
  }

  async stop(): Promise<LoadAnswer[]> {
    this.running = false;
    await Promise.all(this.workers);
    return this.answers;
  }
}

/** Round robin. */
export function anyOf(urls: readonly string[]): () => string {
  let next = 0;
  return () => urls[(next += 1) % urls.length]!;
}

export const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;

export const failuresOf = (answers: readonly LoadAnswer[]): LoadAnswer[] =>
  answers.filter(({ status }) => status === 0 || status >= 500);

export interface Fate {
  readonly lost: readonly string[];
  readonly doubled: number;
  /** From the call until Cosmos held every acknowledged turn. */
  readonly seconds: number;
}

/** Waits until Cosmos holds every acknowledged turn, or for 30 s. */
export async function fateOf(stack: StoreStack, answers: readonly LoadAnswer[]): Promise<Fate> {
  const begun = performance.now();
  const acknowledged = answers.filter(({ persisted }) => persisted).map(({ requestId }) => requestId);
  let documents: StoredDocument[] = [];
  let lost = acknowledged;
  while (performance.now() - begun < DRAIN_MS) {
    documents = await stack.documents();
    const stored = new Set(documents.map((document) => document.request_id));
    lost = acknowledged.filter((id) => !stored.has(id));
    if (lost.length === 0) break;
    await setTimeout(50);
  }
  const doubled = documents.length - new Set(documents.map((document) => document.request_id)).size;
  return { lost, doubled, seconds: (performance.now() - begun) / 1_000 };
}
